"""A worker that waits for its sandbox: it tries again at growing intervals, and says why it cannot judge."""

import time
from collections.abc import Callable
from typing import Final

from challenge.results.verdicts import EvaluationError
from evaluator.sandbox import Sandbox

FIRST_PAUSE: Final = 5.0
LONGEST_PAUSE: Final = 900.0


def wait_for_sandbox(
    find: Callable[[], Sandbox],
    say: Callable[[str], None],
    tell: Callable[[str], None],
    sleep: Callable[[float], None] = time.sleep,
) -> Sandbox:
    """The sandbox, as soon as one works here.

    Args:
        find: finds it; raises EvaluationError where there is none, with what is missing and what to do.
        say: takes each new reason once, for the log.
        tell: takes the reason after every try, for the leaderboard.
        sleep: waits between two tries, twice as long each time up to a quarter of an hour.
    """
    said, pause = "", FIRST_PAUSE
    while True:
        try:
            return find()
        except EvaluationError as error:
            reason = error.detail or error.sentence
        if reason != said:
            said = reason
            say(
                f"{reason} It is tried again in {FIRST_PAUSE:.0f} s, and then at growing intervals up to "
                f"{LONGEST_PAUSE / 60:.0f} minutes; it is logged again only if the reason changes."
            )
        tell(reason)
        sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)
