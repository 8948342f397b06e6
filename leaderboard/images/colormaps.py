"""Pictures of workers and of the truth in other colours: read back into values, and coloured anew.

Workers send colours and no values. A colour map goes one way, and is undone here by looking up, of every
colour in the picture, the nearest one that `challenge.imaging.pictures` can have drawn.
"""

import io
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from challenge.imaging.pictures import COLORMAP, ERROR_COLORMAP, INTERIOR, NOT_FINITE, colormap_table

Array = NDArray[np.float64]

# What a reader may choose, and matplotlib's name of it.
MAPS: Final = {
    "twilight": COLORMAP,
    "viridis": "viridis",
    "magma": "magma",
    "cividis": "cividis",
    "ice": "ocean",
    "grey": "gray",
}
FIRST: Final = "twilight"
_FADE: Final = 64
# The map of the pictures ends in the colours that it begins with. In doubt a colour is the beginning's: a
# wide plain far from the set, and not a seam of single pixels at its shore.
_ENDING: Final = slice(248, 256)
_DOUBT: Final = 16.0
# Where A is right and B is wrong, and the other way round: the violet and the ember of the site.
_AHEAD: Final = np.array([150.0, 120.0, 255.0])
_BEHIND: Final = np.array([255.0, 140.0, 70.0])
_NEITHER: Final = np.array([16.0, 13.0, 26.0])


def chosen(name: str | None) -> str:
    """The map of that name, or the first one."""
    return name if name in MAPS else FIRST


def recoloured(path: Path, name: str) -> bytes:
    """The picture at a path in the colours of a map, as PNG."""
    colours, place = _colours(path)
    fresh = _drawable(MAPS[name])[_nearest(colours, _drawable(COLORMAP), _DOUBT)]
    fresh[(colours == NOT_FINITE).all(axis=1)] = NOT_FINITE
    return _png(fresh[place])


def error_shares(path: Path) -> Array:
    """The error picture at a path as values (height, width): shares of the view's deviation, at most 1."""
    colours, place = _colours(path)
    return (_nearest(colours, colormap_table(ERROR_COLORMAP)) / 255.0)[place]


def beats(mine: Path, other: Path) -> bytes:
    """Where one beats another, from their error pictures: violet where it is the nearer, ember where not.

    Raises:
        ValueError: the pictures have different sizes.
    """
    ahead = error_shares(other) - error_shares(mine)
    # The eye takes a small difference for none on a dark ground: the root lifts it.
    strength = np.sqrt(np.abs(ahead))[..., None]
    colour = np.where(ahead[..., None] > 0, _AHEAD, _BEHIND)
    return _png(_NEITHER + (colour - _NEITHER) * strength)


def _colours(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.intp]]:
    """The colours (n, 3) of a picture, and which of them each of its pixels (height, width) has."""
    with Image.open(path, formats=["PNG"]) as picture:
        if picture.mode == "P":
            palette = np.asarray(picture.getpalette("RGB"), dtype=np.uint8).reshape(-1, 3)
            return palette, np.asarray(picture).astype(np.intp)
        pixels = np.asarray(picture.convert("RGB")).astype(np.int64)
    # One number a colour: rows of three take a hundred times as long to tell apart.
    packed, place = np.unique(pixels @ np.array([65536, 256, 1]), return_inverse=True)
    colours = np.stack([packed >> 16, packed >> 8 & 255, packed & 255], axis=1).astype(np.uint8)
    return colours, place.reshape(pixels.shape[:2])


def _png(pixels: Array) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.rint(pixels).astype(np.uint8), "RGB").save(buffer, "PNG")
    return buffer.getvalue()


@cache
def _drawable(cmap: str) -> Array:
    """Every colour that a picture can hold: the map's 256, and the way from its end to the interior."""
    colours = colormap_table(cmap)
    way = np.linspace(0, 1, _FADE)[1:, None]
    return np.concatenate([colours, colours[-1] * (1 - way) + np.array(INTERIOR) * way])


def _nearest(colours: NDArray[np.uint8], known: Array, doubt: float = 0.0) -> NDArray[np.intp]:
    """Of each colour (n, 3), the index of the nearest known one; the map's end is farther by `doubt`."""
    # |a - b|^2 without the (n, m, 3) array that would hold the differences.
    whole = np.rint(known)
    distance = (whole**2).sum(axis=1) - 2 * colours.astype(np.float64) @ whole.T
    distance[:, _ENDING] += doubt
    nearest: NDArray[np.intp] = distance.argmin(axis=1)
    return nearest
