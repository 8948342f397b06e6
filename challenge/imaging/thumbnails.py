"""Small pictures of a fit: a curve, an image, a surface, a confusion matrix, or predicted against true."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from challenge.controls import Control
from challenge.controls.fit_visuals import evidence
from challenge.imaging.pictures import INTERIOR, value_image, view_scale
from challenge.results.result_visuals import (
    Confusion,
    ControlFit,
    CurveFit,
    PictureFit,
    Scatter,
    SurfaceFit,
)

Array = NDArray[np.float64]

MARGIN: Final = 12
KNOWN: Final = (120, 112, 148)
LINE: Final = (245, 190, 90)
GRID: Final = (60, 54, 80)
COLD, WARM = np.array([24.0, 18.0, 44.0]), np.array([245.0, 190.0, 90.0])


def control_thumbnail(control: Control, held: Array, on_grid: Array, side: int) -> Image.Image:
    """Picture of a model's fit to a data set.

    Args:
        control: the data.
        held: answers (n, out) at the held-out inputs.
        on_grid: answers at `challenge.controls.fit_visuals.grid(control)`.
        side: width and height in pixels.
    """
    if control.family == "mandelbrot":
        scale = view_scale(control.y[:, 0])
        return value_image(on_grid[:, 0], scale).resize((side, side), Image.Resampling.NEAREST)
    return fit_thumbnail(evidence(control, held, on_grid), side)


def fit_thumbnail(fit: ControlFit, side: int) -> Image.Image:
    """Draw one fit as a square of `side` pixels."""
    if isinstance(fit, PictureFit):
        return _image(fit, side)
    canvas = Image.new("RGB", (side, side), INTERIOR)
    pen = ImageDraw.Draw(canvas)
    if isinstance(fit, CurveFit):
        _curve(pen, fit, side)
    elif isinstance(fit, SurfaceFit):
        _surface(pen, fit, side)
    elif isinstance(fit, Confusion):
        _confusion(pen, fit, side)
    else:
        _scatter(pen, fit, side)
    return canvas


def _to_pixels(
    x: Sequence[float] | Array, y: Sequence[float] | Array, low: float, side: int
) -> list[tuple[float, float]]:
    """Pixel coordinates of points with x in [low, 1] and y in [0, 1]; y points upwards."""
    room = side - 2 * MARGIN
    return [
        (MARGIN + (a - low) / (1 - low) * room, side - MARGIN - np.clip(b, -0.05, 1.05) * room)
        for a, b in zip(x, y, strict=True)
    ]


def _dots(pen: ImageDraw.ImageDraw, places: list[tuple[float, float]], colour: tuple[int, ...]) -> None:
    for x, y in places:
        pen.ellipse([x - 1.5, y - 1.5, x + 1.5, y + 1.5], fill=colour)


def _curve(pen: ImageDraw.ImageDraw, fit: CurveFit, side: int) -> None:
    _dots(pen, _to_pixels(fit.known_x, fit.known_y, -1, side), KNOWN)
    pen.line(_to_pixels(fit.grid, fit.fit, -1, side), fill=LINE, width=2)


def _scatter(pen: ImageDraw.ImageDraw, fit: Scatter, side: int) -> None:
    pen.line(_to_pixels([0, 1], [0, 1], 0, side), fill=GRID)
    _dots(pen, _to_pixels(fit.true, fit.predicted, 0, side), LINE)


def _image(fit: PictureFit, side: int) -> Image.Image:
    pixels = np.array(fit.fit, np.uint8).reshape(fit.height, fit.width, fit.channels)
    made = Image.fromarray(pixels[:, :, 0] if fit.channels == 1 else pixels)
    return made.convert("RGB").resize((side, side), Image.Resampling.NEAREST)


def _confusion(pen: ImageDraw.ImageDraw, fit: Confusion, side: int) -> None:
    counts = np.array(fit.counts, float)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    cell = (side - 2 * MARGIN) / len(shares)
    for (row, column), share in np.ndenumerate(shares):
        left, top = MARGIN + column * cell, MARGIN + row * cell
        colour = tuple(np.rint(COLD + np.sqrt(share) * (WARM - COLD)).astype(int).tolist())
        pen.rectangle([left + 1, top + 1, left + cell - 1, top + cell - 1], fill=colour)


def _surface(pen: ImageDraw.ImageDraw, fit: SurfaceFit, side: int) -> None:
    """Project the grid of the fit and paint its patches from the farthest to the nearest."""
    turn, lift = 0.6, 0.5
    rotation = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    tilt = np.array([[1, 0, 0], [0, np.cos(lift), -np.sin(lift)], [0, np.sin(lift), np.cos(lift)]])
    known = np.array(fit.known)
    middle = (known.max(axis=0) + known.min(axis=0)) / 2
    reach = np.linalg.norm(known - middle, axis=1).max()
    seen = ((np.array(fit.fit) - middle) / reach) @ (tilt @ rotation).T
    seen = seen.reshape(fit.rows, fit.columns, 3)
    room = side / 2 - MARGIN
    corners = np.stack([seen[:-1, :-1], seen[1:, :-1], seen[1:, 1:], seen[:-1, 1:]], axis=2).reshape(-1, 4, 3)
    depth = corners[:, :, 1].mean(axis=1)
    for index in np.argsort(-depth):
        patch = corners[index]
        normal = np.cross(patch[2] - patch[0], patch[3] - patch[1])
        facing = abs(normal[1]) / max(float(np.linalg.norm(normal)), 1e-12)
        near = np.clip((1 - depth[index]) / 2, 0, 1)
        colour = tuple(
            np.rint(COLD + (0.25 + 0.75 * facing) * (0.35 + 0.65 * near) * (WARM - COLD)).astype(int).tolist()
        )
        pen.polygon([(side / 2 + room * x, side / 2 - room * z) for x, _, z in patch], fill=colour)
