"""One line about each command of the evaluator; `mbc --help` reads this and imports nothing else."""

from typing import Final

HELP: Final = {
    "score": "Score a submission here: the judge's own code on the practice season.",
    "check": "Say whether a bundle is valid; --universal: whether it clears the controls.",
    "worker": "Run an evaluator alone, for a leaderboard anywhere.",
    "reproduce": "For operators: train an entry again by its train.toml, and compare octaves.",
    "doctor": "Say whether this machine can judge: sandbox, device, limits, and what is missing.",
}
