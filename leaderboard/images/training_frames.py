"""Snapshots of a model's training: the images in frames/ of a bundle, re-encoded before they are served."""

import io
import math
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any, Final

from PIL import Image

from leaderboard.errors import not_found
from leaderboard.images.untrusted import rewrite
from leaderboard.storage import Storage

LONGEST_NUMBER: Final = 24


@contextmanager
def _archive(storage: Storage, bundle: str) -> Iterator[zipfile.ZipFile]:
    with storage.open(bundle) as file, zipfile.ZipFile(file) as archive:
        yield archive


@lru_cache(maxsize=256)
def frames(storage: Storage, bundle: str) -> tuple[str, ...]:
    """The names of a stored bundle's frames in order, by its key; cached, for a bundle never changes."""
    try:
        with _archive(storage, bundle) as archive:
            return tuple(
                sorted(n for n in archive.namelist() if n.startswith("frames/") and n.endswith(".png"))
            )
    except (OSError, zipfile.BadZipFile):
        # Show the page without its film.
        return ()


@dataclass(frozen=True)
class Moment:
    """What a frame says of its moment; None for what it does not say."""

    step: float | None = None
    seconds: float | None = None
    loss: float | None = None
    octaves: float | None = None

    @property
    def caption(self) -> str:
        """Like "12.4 s · loss 0.031 · 5.20 octaves"; "" where nothing is known."""
        parts = (
            (self.seconds, "{:,.3g} s"),
            (self.loss, "loss {:.3g}"),
            (self.octaves, "{:.2f} octaves"),
        )
        return " · ".join(form.format(value) for value, form in parts if value is not None)


@lru_cache(maxsize=256)
def moments(storage: Storage, bundle: str) -> tuple[Moment, ...]:
    """The moment of each frame of a stored bundle, from its texts; the submission's own word."""
    try:
        with _archive(storage, bundle) as archive:
            return tuple(_moment(archive.read(name)) for name in frames(storage, bundle))
    except (OSError, zipfile.BadZipFile):
        return ()


def _moment(content: bytes) -> Moment:
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
            texts = {field.name: picture.info.get(field.name) for field in fields(Moment)}
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return Moment()
    return Moment(**{name: _number(text) for name, text in texts.items()})


def _number(text: Any) -> float | None:
    try:
        value = float(text) if isinstance(text, str) and len(text) <= LONGEST_NUMBER else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def frame(storage: Storage, bundle: str, index: int) -> bytes:
    """One frame as a PNG of nothing but its pixels; Refused with 404 or 422."""
    names = frames(storage, bundle)
    if index >= len(names):
        raise not_found("frame")
    with _archive(storage, bundle) as archive:
        return rewrite(archive.read(names[index]))
