"""The charts of a certificate: each control's scores, and its fit drawn beside the data."""

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from challenge.results.formatting import ordinal, skill
from challenge.results.report import ControlResult, Universality
from challenge.results.result_visuals import (
    Confusion,
    ControlFit,
    CurveFit,
    PictureFit,
    Scatter,
    SurfaceFit,
)
from leaderboard.charts import surface
from leaderboard.charts.plot_area import PlotArea
from leaderboard.charts.scales import dots, path
from leaderboard.charts.surface import SurfaceChart

_CURVE: Final = PlotArea.with_margins(360, 240, left=34, right=10, top=10, bottom=22)
_SCATTER: Final = PlotArea.with_margins(260, 260, left=34, right=10, top=10, bottom=22)
# More dots than this overlap.
_MAX_DOTS: Final = 500
# Images are enlarged by whole factors to at least this side, and refused beyond the limit.
_MIN_IMAGE_SIDE: Final = 288
_MAX_IMAGE_SIDE: Final = 512
SHADES: Final = 10

Ticks = tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class CurveChart:
    """Known points as dots, the fit as a line."""

    known: str
    fit: str
    xticks: Ticks
    yticks: Ticks
    frame: PlotArea = _CURVE
    kind: str = "curve"


@dataclass(frozen=True)
class ImagePair:
    """An image control, `known_share` of whose pixels were given; pixels and fit are PNGs of their own."""

    width: int
    height: int
    known_share: float
    kind: str = "image"


@dataclass(frozen=True)
class Cell:
    """One cell of a confusion matrix; `shade` from 0 for none to SHADES - 1 for all of its row."""

    count: int
    shade: int
    right: bool


@dataclass(frozen=True)
class ConfusionChart:
    """A confusion matrix: a row for each true class, a column for each predicted one."""

    labels: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    right: int
    total: int
    worst: str  # the most common confusion as a sentence, or ""
    kind: str = "confusion"


@dataclass(frozen=True)
class ScatterChart:
    """Predicted against true values, with the diagonal on which they agree."""

    dots: str
    diagonal: str
    ticks: Ticks
    yticks: Ticks
    frame: PlotArea = _SCATTER
    kind: str = "scatter"


FitChart = CurveChart | ImagePair | SurfaceChart | ConfusionChart | ScatterChart


@dataclass(frozen=True)
class Meter:
    """The control's meter: best skill and required skill, both as shares of the meter's length."""

    skill: float
    bar: float


@dataclass(frozen=True)
class ControlCard:
    """A control as a page shows it; `index` is its position in the report."""

    index: int
    control: ControlResult
    meter: Meter
    refits: str
    picture: FitChart | None


def cards(certificate: Universality, shown: Sequence[ControlFit]) -> tuple[ControlCard, ...]:
    """Every control of a certificate with its picture, where there is evidence for all of them."""
    held: Sequence[ControlFit | None] = shown
    if len(shown) != len(certificate.controls):
        held = [None] * len(certificate.controls)
    return tuple(
        ControlCard(index, control, _meter(control), _refits(control), picture(one) if one else None)
        for index, (control, one) in enumerate(zip(certificate.controls, held, strict=True))
    )


def _meter(control: ControlResult) -> Meter:
    whole = max(control.reference, control.best, 0.01)
    return Meter(*(round(min(max(value, 0.0) / whole, 1.0), 4) for value in (control.best, control.bar)))


def _refits(control: ControlResult) -> str:
    """How many refits it took, as a sentence; '' where the first one was enough."""
    if len(control.refits) < 2:
        return ""
    figures = ", ".join(skill(value) for value in control.refits)
    if control.passed:
        return f"Passed at the {ordinal(len(control.refits))} refit: {figures}."
    return f"{len(control.refits)} refits, none reached the bar: {figures}."


@lru_cache(maxsize=256)
def picture(shown: ControlFit) -> FitChart | None:
    """The chart of one control's evidence; None where the evidence is inconsistent."""
    try:
        match shown:
            case CurveFit():
                return _curve(shown)
            case PictureFit():
                known, _ = _images(shown)
                return ImagePair(shown.width, shown.height, float((known[..., -1] > 0).mean()))
            case SurfaceFit():
                return surface.draw(shown)
            case Confusion():
                return _confusion(shown)
            case Scatter():
                return _scatter(shown)
    except (ValueError, TypeError):
        # Evidence comes from a worker that may run another version: show the page without the chart.
        return None


def _thin(count: int) -> slice:
    return slice(None, None, max(1, count // _MAX_DOTS))


def _curve(shown: CurveFit) -> CurveChart:
    x = _CURVE.x_scale(-1.0, 1.0)
    # The data set the range: a diverging fit must not flatten them.
    y = _CURVE.y_covering([*shown.known_y, 0.0, 1.0])
    thin = _thin(len(shown.known_x))
    return CurveChart(
        known=dots([x(v) for v in shown.known_x[thin]], [y(v) for v in shown.known_y[thin]]),
        fit=path([x(v) for v in shown.grid], [y(v) for v in shown.fit]),
        xticks=x.ticks(3),
        yticks=y.ticks(3),
    )


def _images(shown: PictureFit) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """(height, width, channels + 1) of the known pixels and of the fit; the last channel is opacity."""
    if shown.channels not in (1, 3) or not 0 < max(shown.width, shown.height) <= _MAX_IMAGE_SIDE:
        raise ValueError(f"an image needs 1 or 3 channels and at most {_MAX_IMAGE_SIDE} pixels a side")
    form = (shown.height, shown.width, shown.channels)
    made = []
    for values in (shown.known, shown.fit):
        pixels = np.asarray(values, dtype=np.int64).reshape(form)
        opacity = np.where((pixels < 0).any(axis=2, keepdims=True), 0, 255)
        made.append(np.concatenate([np.clip(pixels, 0, 255), opacity], axis=2).astype(np.uint8))
    return made[0], made[1]


def image_png(shown: PictureFit, *, fit: bool) -> bytes:
    """The known pixels or the fit as a PNG, enlarged to squares; unknown pixels are transparent.

    Raises:
        ValueError: the evidence is inconsistent.
    """
    pixels = _images(shown)[fit]
    image = Image.fromarray(pixels, "LA" if shown.channels == 1 else "RGBA")
    factor = max(1, math.ceil(_MIN_IMAGE_SIDE / max(shown.width, shown.height)))
    larger = image.resize((shown.width * factor, shown.height * factor), Image.Resampling.NEAREST)
    buffer = io.BytesIO()
    larger.save(buffer, "PNG")
    return buffer.getvalue()


def _confusion(shown: Confusion) -> ConfusionChart:
    counts = np.asarray(shown.counts, dtype=np.int64)
    classes = len(shown.labels)
    if counts.shape != (classes, classes) or (counts < 0).any() or not counts.sum():
        raise ValueError("a confusion matrix has a row and a column for each class")
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    shades = np.where(counts > 0, np.clip(np.ceil(shares * (SHADES - 1)), 1, SHADES - 1), 0).astype(int)
    rows = tuple(
        tuple(Cell(int(counts[i, j]), int(shades[i, j]), i == j) for j in range(classes))
        for i in range(classes)
    )
    return ConfusionChart(
        labels=tuple(map(str, shown.labels)),
        rows=rows,
        right=int(np.trace(counts)),
        total=int(counts.sum()),
        worst=_worst(counts, shown.labels),
    )


def _worst(counts: NDArray[np.int64], labels: Sequence[str]) -> str:
    wrong = counts * (1 - np.eye(len(labels), dtype=np.int64))
    if not wrong.any():
        return ""
    i, j = divmod(int(wrong.argmax()), len(labels))
    return f"Most often {labels[i]} was taken for {labels[j]}: {wrong[i, j]} of {counts[i].sum()}."


def _scatter(shown: Scatter) -> ScatterChart:
    x = _SCATTER.x_covering(shown.true)
    y = _SCATTER.y_scale(x.low, x.high)
    thin = _thin(len(shown.true))
    return ScatterChart(
        dots=dots([x(v) for v in shown.true[thin]], [y(v) for v in shown.predicted[thin]]),
        diagonal=path([x(x.low), x(x.high)], [y(x.low), y(x.high)]),
        ticks=x.ticks(3),
        yticks=y.ticks(3),
    )
