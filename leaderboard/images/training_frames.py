"""The film of a model's learning: the pictures in frames/ of a bundle, decoded and written anew."""

import zipfile
from functools import lru_cache
from pathlib import Path

from leaderboard.errors import not_found
from leaderboard.images.untrusted import rewrite


@lru_cache(maxsize=256)
def frames(bundle: Path) -> tuple[str, ...]:
    """The names of a stored bundle's frames in their order; a bundle never changes, so once is enough."""
    try:
        with zipfile.ZipFile(bundle) as archive:
            return tuple(
                sorted(n for n in archive.namelist() if n.startswith("frames/") and n.endswith(".png"))
            )
    except (OSError, zipfile.BadZipFile):
        # A page without its film beats no page.
        return ()


def frame(bundle: Path, index: int) -> bytes:
    """One frame as a PNG that holds nothing but its pixels; Refused with 404 or 422."""
    names = frames(bundle)
    if index >= len(names):
        raise not_found("frame")
    with zipfile.ZipFile(bundle) as archive:
        return rewrite(archive.read(names[index]))
