"""Exit codes of `mbc` (specification, section 8)."""

from typing import Final

OK: Final = 0
USAGE: Final = 2
BUNDLE_INVALID: Final = 3
REJECTED: Final = 4
FAILED: Final = 5
SERVER: Final = 6
# The shell's convention for a program that SIGINT ended.
INTERRUPTED: Final = 130


class SettingError(ValueError):
    """An unusable setting; `mbc` prints the message as one sentence and exits with USAGE."""


class TrainConfigError(ValueError):
    """Unusable settings of a training; the message names the field and what it may be."""
