"""Pictures of a view: truth, model and error on the same points, truth and model in the same colours.

Colours are normalised by the truth's range in the view, so that a view at octave 20, where the target hardly
varies, shows as much contrast as the base window. The error is normalised by the view's standard deviation:
it is brightest where the model is no better than a constant.
"""

import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from challenge.mandelbrot.target import target
from challenge.scoring.metrics import errors
from challenge.scoring.places import Place

Array = NDArray[np.float64]
Pixels = NDArray[np.uint8]

COLORMAP: Final = "twilight_shifted"
ERROR_COLORMAP: Final = "inferno"
INTERIOR: Final = (8, 6, 14)
NOT_FINITE: Final = (255, 0, 255)
# Quantile cut off at both ends of the exterior's range; the tails would take half of the colours.
TAIL: Final = 0.01
GAP: Final = 4


@dataclass(frozen=True)
class ViewScale:
    """Normalisation of one view's colours.

    Attributes:
        low, high: range of the truth outside the set, without its tails.
        deviation: standard deviation of the truth.
    """

    low: float
    high: float
    deviation: float


def view_scale(truth: Array) -> ViewScale:
    """Compute the scale of a view from its truth (n,)."""
    outside = truth[truth < 1.0]
    if outside.size == 0:
        return ViewScale(0.0, 1.0, 0.0)
    low, high = np.quantile(outside, [TAIL, 1 - TAIL])
    return ViewScale(float(low), float(max(high, low + 1e-12)), float(truth.std()))


def truth_values(place: Place, octave: float, pixels: int) -> Array:
    """The target on the grid of a place's view: (pixels^2,), row by row from the top left."""
    return target(place.view(octave).grid(pixels))


def value_image(values: Array, scale: ViewScale, cmap: str = COLORMAP) -> Image.Image:
    """A square picture of values (n^2,), coloured from `scale.low` to `scale.high`.

    Above `scale.high` the colour fades to the interior's at 1. Values that are not finite are magenta.

    Raises:
        ValueError: the number of values is not a square, or the colour map is unknown.
    """
    side = _side(values)
    finite = np.isfinite(values)
    v = np.where(finite, values, 0.0)
    position = np.clip((v - scale.low) / (scale.high - scale.low), 0.0, 1.0)
    colours = colormap_table(cmap)[np.rint(position * 255).astype(np.intp)]
    inside = np.clip((v - scale.high) / max(1.0 - scale.high, 1e-12), 0.0, 1.0)[:, None]
    colours = colours * (1 - inside) + np.array(INTERIOR, dtype=np.float64) * inside
    colours[~finite] = NOT_FINITE
    return Image.fromarray(np.rint(colours).astype(np.uint8).reshape(side, side, 3), "RGB")


def truth_image(place: Place, octave: float, pixels: int = 256, cmap: str = COLORMAP) -> Image.Image:
    """The truth at a place and octave."""
    truth = truth_values(place, octave, pixels)
    return value_image(truth, view_scale(truth), cmap)


def model_image(truth: Array, prediction: Array, cmap: str = COLORMAP) -> Image.Image:
    """A model's prediction (n^2,) in the colours of the truth (n^2,) at the same points."""
    return value_image(prediction, view_scale(truth), cmap)


def error_image(truth: Array, prediction: Array, cmap: str = ERROR_COLORMAP) -> Image.Image:
    """|prediction - truth| divided by the view's standard deviation: dark at 0, brightest from 1 on."""
    side = _side(truth)
    share = np.clip(errors(truth, prediction) / max(view_scale(truth).deviation, 1e-12), 0.0, 1.0)
    colours = colormap_table(cmap)
    return Image.fromarray(
        np.rint(colours[np.rint(share * 255).astype(np.intp)]).astype(np.uint8).reshape(side, side, 3), "RGB"
    )


def triptych(truth: Array, prediction: Array, cmap: str = COLORMAP) -> Image.Image:
    """Truth | model | error, side by side."""
    return side_by_side(
        value_image(truth, view_scale(truth), cmap),
        model_image(truth, prediction, cmap),
        error_image(truth, prediction),
    )


def side_by_side(*images: Image.Image) -> Image.Image:
    """Images of the same height in one row, with a gap between."""
    width = sum(i.width for i in images) + GAP * (len(images) - 1)
    row = Image.new("RGB", (width, max(i.height for i in images)), INTERIOR)
    left = 0
    for one in images:
        row.paste(one, (left, 0))
        left += one.width + GAP
    return row


def downsample(picture: Image.Image, factor: int) -> Image.Image:
    """Reduce a picture by an integer factor, averaging pixels."""
    return picture.reduce(factor) if factor > 1 else picture


def png_bytes(
    picture: Image.Image, colours: int | None = None, texts: Mapping[str, str] | None = None
) -> bytes:
    """Encode as PNG.

    Args:
        picture: the picture.
        colours: at most 256, for a palette image at a third of the size.
        texts: by keyword; kept in the file as tEXt chunks.
    """
    buffer = io.BytesIO()
    chunks = PngInfo()
    for keyword, text in (texts or {}).items():
        chunks.add_text(keyword, text)
    if colours is not None:
        picture = picture.quantize(colours, dither=Image.Dither.NONE)
    # Optimised ones came out larger here, at twice the time.
    picture.save(buffer, "PNG", pnginfo=chunks)
    return buffer.getvalue()


def _side(values: Array) -> int:
    side = math.isqrt(values.size)
    if side * side != values.size or values.ndim != 1 or side == 0:
        raise ValueError(f"a square picture needs n^2 values in one row, not {values.shape}")
    return side


@cache
def colormap_table(cmap: str) -> Array:
    """The 256 colours of a matplotlib colour map: (256, 3), 0 to 255.

    Raises:
        ValueError: there is no colour map of that name.
    """
    from matplotlib import colormaps  # noqa: PLC0415 - takes half a second, and only pictures need it

    try:
        chosen = colormaps[cmap]
    except KeyError as error:
        raise ValueError(
            f"there is no colour map {cmap!r}; try {COLORMAP}, inferno, magma or viridis"
        ) from error
    return np.asarray(chosen(np.linspace(0.0, 1.0, 256)), dtype=np.float64)[:, :3] * 255
