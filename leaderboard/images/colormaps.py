"""Images in other colour maps: pixels are mapped back to values, and coloured again.

Workers send colours, not values. The colour map is inverted by looking up, for every colour of the image, the
nearest one that `challenge.imaging.pictures` can have drawn.
"""

import io
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from challenge.imaging.pictures import COLORMAP, ERROR_COLORMAP, INTERIOR, NOT_FINITE, colormap_table

Array = NDArray[np.float64]

# The choices on the pages, and matplotlib's names.
MAPS: Final = {
    "twilight": COLORMAP,
    "viridis": "viridis",
    "magma": "magma",
    "cividis": "cividis",
    "ice": "ocean",
    "grey": "gray",
}
DEFAULT: Final = "twilight"
_FADE: Final = 64
# The default map is cyclic. An ambiguous colour is taken for one of the beginning, which means a wide area
# far from the set, rather than single pixels at its boundary.
_END_OF_MAP: Final = slice(248, 256)
_END_PENALTY: Final = 16.0
# Where A is nearer to the truth, and where B is: the site's violet and ember.
_AHEAD: Final = np.array([150.0, 120.0, 255.0])
_BEHIND: Final = np.array([255.0, 140.0, 70.0])
_NEITHER: Final = np.array([16.0, 13.0, 26.0])


def chosen(name: str | None) -> str:
    """The map of that name, or the default."""
    return name if name in MAPS else DEFAULT


def recolour(image: bytes, name: str) -> bytes:
    """Recolour a PNG image with a map; returns PNG bytes."""
    colours, place = _colours(image)
    fresh = _drawable(MAPS[name])[_nearest(colours, _drawable(COLORMAP), _END_PENALTY)]
    fresh[(colours == NOT_FINITE).all(axis=1)] = NOT_FINITE
    return _png(fresh[place])


def error_shares(image: bytes) -> Array:
    """The values (height, width) of an error image: errors as shares of the view's deviation, at most 1."""
    colours, place = _colours(image)
    return (_nearest(colours, colormap_table(ERROR_COLORMAP)) / 255.0)[place]


def nearer(mine: bytes, other: bytes) -> bytes:
    """Compare two error images: violet where `mine` is nearer to the truth, ember where `other` is.

    Raises:
        ValueError: the images have different sizes.
    """
    ahead = error_shares(other) - error_shares(mine)
    # The square root makes small differences visible on a dark background.
    strength = np.sqrt(np.abs(ahead))[..., None]
    colour = np.where(ahead[..., None] > 0, _AHEAD, _BEHIND)
    return _png(_NEITHER + (colour - _NEITHER) * strength)


def _colours(image: bytes) -> tuple[NDArray[np.uint8], NDArray[np.intp]]:
    """The distinct colours (n, 3) of an image, and each pixel's index into them (height, width)."""
    with Image.open(io.BytesIO(image), formats=["PNG"]) as picture:
        if picture.mode == "P":
            palette = np.asarray(picture.getpalette("RGB"), dtype=np.uint8).reshape(-1, 3)
            return palette, np.asarray(picture).astype(np.intp)
        pixels = np.asarray(picture.convert("RGB")).astype(np.int64)
    # One integer per colour: `unique` over rows of three takes a hundred times as long.
    packed, place = np.unique(pixels @ np.array([65536, 256, 1]), return_inverse=True)
    colours = np.stack([packed >> 16, packed >> 8 & 255, packed & 255], axis=1).astype(np.uint8)
    return colours, place.reshape(pixels.shape[:2])


def _png(pixels: Array) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.rint(pixels).astype(np.uint8), "RGB").save(buffer, "PNG")
    return buffer.getvalue()


@cache
def _drawable(cmap: str) -> Array:
    """Every colour that an image can have: the map's 256, and the fade from its last to the interior."""
    colours = colormap_table(cmap)
    way = np.linspace(0, 1, _FADE)[1:, None]
    return np.concatenate([colours, colours[-1] * (1 - way) + np.array(INTERIOR) * way])


def _nearest(colours: NDArray[np.uint8], known: Array, penalty: float = 0.0) -> NDArray[np.intp]:
    """The index of the nearest known colour for each of (n, 3); the map's end gets a `penalty`."""
    # |a - b|^2 without an (n, m, 3) array of differences.
    whole = np.rint(known)
    distance = (whole**2).sum(axis=1) - 2 * colours.astype(np.float64) @ whole.T
    distance[:, _END_OF_MAP] += penalty
    nearest: NDArray[np.intp] = distance.argmin(axis=1)
    return nearest
