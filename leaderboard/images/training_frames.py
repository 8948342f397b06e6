"""Snapshots of a model's training: the images in frames/ of a bundle, re-encoded before they are served."""

import zipfile
from functools import lru_cache
from pathlib import Path

from leaderboard.errors import not_found
from leaderboard.images.untrusted import rewrite


@lru_cache(maxsize=256)
def frames(bundle: Path) -> tuple[str, ...]:
    """The names of a stored bundle's frames in order; cached, since a stored bundle never changes."""
    try:
        with zipfile.ZipFile(bundle) as archive:
            return tuple(
                sorted(n for n in archive.namelist() if n.startswith("frames/") and n.endswith(".png"))
            )
    except (OSError, zipfile.BadZipFile):
        # Show the page without its film.
        return ()


def frame(bundle: Path, index: int) -> bytes:
    """One frame as a PNG of nothing but its pixels; Refused with 404 or 422."""
    names = frames(bundle)
    if index >= len(names):
        raise not_found("frame")
    with zipfile.ZipFile(bundle) as archive:
        return rewrite(archive.read(names[index]))
