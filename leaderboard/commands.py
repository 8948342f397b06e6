"""One line about each command of the leaderboard; `mbc --help` reads this and imports nothing else."""

from typing import Final

HELP: Final = {
    "serve": "Run the leaderboard with an evaluator of its own.",
    "admin": "Look after users, tokens, seasons and verdicts of a leaderboard.",
}
