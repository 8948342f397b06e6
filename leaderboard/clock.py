"""The time by which leases run: wall-clock time that does not jump while this process lives.

A machine's clock is set now and then, by hours on some. A lease that ran by it would end at once, or not for
hours. So the wall clock is read once, when the process starts, and the monotonic clock counts from there.
What an earlier process wrote may lie far off; `lease_recovery.renew_all` mends that when a server starts.
"""

import time
from datetime import UTC, datetime, timedelta
from typing import Final

_BEGAN: Final = time.monotonic()
_EPOCH: Final = datetime.now(UTC)


def monotonic_utcnow() -> datetime:
    """This moment, as far as this process knows."""
    return _EPOCH + timedelta(seconds=time.monotonic() - _BEGAN)
