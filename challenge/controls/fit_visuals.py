"""What people are shown of a fit: where it is drawn, and the data of the picture.

Held-out inputs appear nowhere. Answers are cut to [-1, 2], three times the range of the targets, and one that
is not finite is drawn as 0, black in a picture: the skill is where it counts, as wrong by 1.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from challenge.controls.control import Control, classes
from challenge.results.result_visuals import (
    Confusion,
    ControlFit,
    CurveFit,
    PictureFit,
    Row,
    Scatter,
    SurfaceFit,
)

Array = NDArray[np.float64]

CURVE_POINTS: Final = 400
PICTURE_SIDE: Final = {1: 80, 3: 64}  # by channels; evidence stays small
SURFACE_ROWS, SURFACE_COLUMNS = 24, 48
PAIRS: Final = 300
DECIMALS: Final = 4


def grid(control: Control) -> Array:
    """Inputs (n, in_features) at which a fit is drawn; none where only held-out answers are shown."""
    if control.shown_as == "curve":
        return np.linspace(-1, 1, CURVE_POINTS)[:, None]
    if control.shown_as == "picture":
        side = PICTURE_SIDE[control.out_features]
        steps = (np.arange(side) + 0.5) / side * 2 - 1
        return _crossed(-steps, steps)
    if control.shown_as == "surface":
        return _crossed(np.linspace(-1, 1, SURFACE_ROWS), np.linspace(-1, 1, SURFACE_COLUMNS))
    return np.empty((0, control.in_features))


def evidence(control: Control, held: Array, on_grid: Array) -> ControlFit:
    """What people are shown of a fit.

    Args:
        control: what was fitted.
        held: its answers (n, out_features) at `held_x`.
        on_grid: and at `grid(control)`.
    """
    if control.shown_as == "curve":
        few = slice(0, CURVE_POINTS)
        return CurveFit(
            known_x=_row(control.x[few, 0]),
            known_y=_row(control.y[few, 0]),
            grid=_row(grid(control)[:, 0]),
            fit=_row(_tame(on_grid[:, 0])),
        )
    if control.shown_as == "picture":
        side = PICTURE_SIDE[control.out_features]
        fit = np.rint(255 * np.clip(_tame(on_grid), 0, 1)).astype(int)
        return PictureFit(
            width=side,
            height=side,
            channels=control.out_features,
            known=tuple(_raster(control, side).ravel().tolist()),
            fit=tuple(fit.ravel().tolist()),
        )
    if control.shown_as == "surface":
        return SurfaceFit(
            known=_rows(control.y[:CURVE_POINTS]),
            rows=SURFACE_ROWS,
            columns=SURFACE_COLUMNS,
            fit=_rows(_tame(on_grid)),
        )
    if control.shown_as == "classes":
        chosen, answered = classes(held)
        counts = np.zeros((control.out_features, control.out_features), int)
        np.add.at(counts, (control.held_y.argmax(axis=1)[answered], chosen[answered]), 1)
        return Confusion(control.labels, tuple(map(tuple, counts.tolist())))
    few = slice(0, max(1, PAIRS // control.out_features))
    return Scatter(true=_row(control.held_y[few].ravel()), predicted=_row(_tame(held[few]).ravel()))


def _crossed(rows: Array, columns: Array) -> Array:
    """Points (u, v) row by row: v is the same along a row, u along a column."""
    v, u = np.meshgrid(rows, columns, indexing="ij")
    return np.stack([u.ravel(), v.ravel()], axis=1)


def _raster(control: Control, side: int) -> NDArray[np.int64]:
    """The mean of the known points of every pixel, 0 .. 255; -1 where there is none."""
    column, up = np.clip((control.x.T + 1) / 2 * side, 0, side - 1).astype(int)
    pixel = (side - 1 - up) * side + column
    count = np.bincount(pixel, minlength=side * side)[:, None]
    sums = np.stack([np.bincount(pixel, y, side * side) for y in control.y.T], axis=1)
    mean = np.rint(255 * sums / np.maximum(count, 1)).astype(int)
    return np.where(count > 0, mean, -1)


def _tame(answers: Array) -> Array:
    return np.clip(np.where(np.isfinite(answers), answers, 0.0), -1.0, 2.0)


def _row(values: Array) -> Row:
    return tuple(np.round(values, DECIMALS).tolist())


def _rows(values: Array) -> tuple[Row, ...]:
    return tuple(_row(value) for value in values)
