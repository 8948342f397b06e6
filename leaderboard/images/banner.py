"""The banner at the top of the board: the set in logarithmic polar coordinates, 32 octaves wide.

A column is a distance from the centre, a row a direction. Zooming is a step to the right, so the x axis of
the image is the axis of the score. The image is shipped; `python -m leaderboard.images.banner` draws it
again.
"""

import math
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from challenge.imaging.pictures import COLORMAP, INTERIOR
from challenge.mandelbrot.coordinates import OCTAVES
from challenge.mandelbrot.target import target

# A point in the seahorse valley that has structure at every octave.
CENTRE: Final = (-0.743643887037158704752191506114774, 0.131825904205311970493132056385139)
# The first octave shows the whole set: its far end is 2 from the origin.
WIDEST: Final = 2.6
PIXELS_AN_OCTAVE: Final = 64
FINER: Final = 2
BANNER: Final = Path(__file__).parents[1] / "static" / "banner.webp"


def values(pixels_an_octave: int) -> NDArray[np.float64]:
    """The target on the banner: (rows, columns). Angles and logarithms have one scale, so shapes are kept."""
    columns = OCTAVES * pixels_an_octave
    rows = round(2 * math.pi / math.log(2) * pixels_an_octave)
    distance = WIDEST * 2.0 ** -((np.arange(columns) + 0.5) / pixels_an_octave)
    angle = math.pi * (1 - 2 * (np.arange(rows) + 0.5) / rows)
    x = CENTRE[0] + np.outer(np.cos(angle), distance)
    y = CENTRE[1] + np.outer(np.sin(angle), distance)
    points = np.stack([x.ravel(), y.ravel()], axis=1)
    # Enough iterations for the eye.
    return target(points, max_iterations=5000).reshape(rows, columns)


def draw(pixels_an_octave: int = PIXELS_AN_OCTAVE, finer: int = FINER) -> Image.Image:
    """The banner in the default colours, each octave scaled to its own range."""
    from matplotlib import colormaps  # noqa: PLC0415 - only drawing needs it

    t = values(pixels_an_octave * finer)
    low, high = _range(t, pixels_an_octave * finer)
    position = np.clip((t - low) / (high - low), 0, 1)
    colours = np.asarray(colormaps[COLORMAP](position))[..., :3] * 255
    colours[t >= 1] = INTERIOR
    image = Image.fromarray(np.rint(colours).astype(np.uint8), "RGB")
    return image.reduce(finer).filter(ImageFilter.UnsharpMask(1, 40, 0))


def _range(t: NDArray[np.float64], octave: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    # Quantiles over several octaves, smoothly interpolated, so that neither outliers nor seams show.
    centres = np.arange(0, t.shape[1] + 1, octave)
    ends = []
    for centre in centres:
        near = t[:, max(0, centre - 2 * octave) : centre + 2 * octave]
        ends.append(np.quantile(near[near < 1], [0.005, 0.99]))
    smooth = [
        np.convolve(np.pad(e, 2, "edge"), np.array([1, 4, 6, 4, 1]) / 16, "valid") for e in np.transpose(ends)
    ]
    low, high = (_cubic(np.arange(t.shape[1]) / octave, e) for e in smooth)
    return low, high


def _cubic(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    # The Catmull-Rom spline through (0, y0), (1, y1), ...
    p = np.pad(y, (1, 2), "edge")
    i = np.minimum(x.astype(np.intp), len(y) - 1)
    f = x - i
    a, b, c, d = p[i], p[i + 1], p[i + 2], p[i + 3]
    result: NDArray[np.float64] = b + 0.5 * f * (
        c - a + f * (2 * a - 5 * b + 4 * c - d + f * (3 * (b - c) + d - a))
    )
    return result


if __name__ == "__main__":
    draw().save(BANNER, quality=82, method=6)
