"""How often an address may have something done that costs more than a request does."""

import logging
import time

from limits import parse_many
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter

from leaderboard.errors import Refused

log = logging.getLogger(__name__)


class RateLimiter:
    """Counts by address and purpose.

    Args:
        rate: like "60 per minute; 600 per hour"; all of them hold.
        storage: where it is counted: "memory://", or a redis:// URL.
        purpose: keeps its counts apart from others'.
    """

    def __init__(self, rate: str, storage: str, purpose: str) -> None:
        self._rates = parse_many(rate)
        self._limiter = FixedWindowRateLimiter(storage_from_string(storage))
        self._purpose = purpose

    def spend(self, asker: str, cost: int = 1) -> None:
        """Count requests of an address; Refused with 429 where there are too many."""
        for rate in self._rates:
            try:
                if self._limiter.hit(rate, self._purpose, asker, cost=cost):
                    continue
                ends = self._limiter.get_window_stats(rate, self._purpose, asker).reset_time
            except Exception:
                # A counter that is away must not take the board with it.
                log.exception("rates of %s cannot be counted", self._purpose)
                return
            raise Refused(
                429,
                "rate_limited",
                f"At most {rate} of one address are drawn anew.",
                retry_after=max(1, round(ends - time.time())),
            )
