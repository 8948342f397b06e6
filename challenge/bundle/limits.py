"""What a bundle may hold and how large it may be (specification, section 5)."""

import re
from typing import Final

from challenge.results.refusals import refuse

KIB: Final = 1024
MIB: Final = 1024 * KIB
WEIGHTS_LIMIT: Final = 256 * MIB
TEXT_LIMIT: Final = 1 * MIB
MANIFEST_LIMIT: Final = 16 * KIB
FRAME_LIMIT: Final = 4 * MIB
FRAMES_LIMIT: Final = 64 * MIB
ARCHIVE_LIMIT: Final = WEIGHTS_LIMIT + FRAMES_LIMIT + 16 * MIB
MEMBERS_LIMIT: Final = 600

WEIGHT_CLASSES: Final = {"feather": 64 * KIB, "light": 1 * MIB, "middle": 16 * MIB, "heavy": 256 * MIB}

_SOURCE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}\.py")
_FRAME: Final = re.compile(r"frames/[A-Za-z0-9_-]{1,64}\.png")
_TEXTS: Final = ("submission.toml", "train.toml", "README.md")


def member_limit(name: str) -> int | None:
    """Largest unpacked size in bytes of the member `name`; None if a bundle may not hold it."""
    if name == "weights.safetensors":
        return WEIGHTS_LIMIT
    if name in _TEXTS or _SOURCE.fullmatch(name):
        return TEXT_LIMIT
    return FRAME_LIMIT if _FRAME.fullmatch(name) else None


def weight_class(size: int) -> str:
    """Name of the smallest weight class that holds `size` bytes of sources and weights.

    Raises:
        EvaluationError: ARCHIVE_TOO_LARGE, above the largest class.
    """
    for name, limit in WEIGHT_CLASSES.items():
        if size <= limit:
            return name
    raise refuse(
        "archive.weight-class",
        f"Sources and weights take {size:,} bytes; the largest class, heavy, ends at {WEIGHTS_LIMIT:,}.",
    )
