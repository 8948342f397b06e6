"""Exit codes of `mbc` (contract, section 8)."""

from typing import Final

OK: Final = 0
USAGE: Final = 2
BUNDLE_INVALID: Final = 3
REJECTED: Final = 4
FAILED: Final = 5
SERVER: Final = 6


class SettingError(ValueError):
    """A setting from the environment cannot be used; `mbc` says so in a sentence and ends with USAGE."""
