"""What people are shown of a certificate and of the probes: data for pictures, never a judgement.

The inputs that were held out of a control appear nowhere: a picture shows the half that the submission was
given, and of the other half only counts, or predicted values beside true ones.
"""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from challenge.results.from_json import from_plain

VERSION = 1
Row = tuple[float, ...]


@dataclass(frozen=True)
class CurveFit:
    """A curve, 1 -> 1: known points (x, y), and the fit along an even grid."""

    known_x: Row
    known_y: Row
    grid: Row
    fit: Row


@dataclass(frozen=True)
class PictureFit:
    """An image, 2 -> channels: values 0..255 row by row from the top, channels innermost.

    `known` is -1 where the submission was given no point.
    """

    width: int
    height: int
    channels: int
    known: tuple[int, ...]
    fit: tuple[int, ...]


@dataclass(frozen=True)
class SurfaceFit:
    """A surface in space, 2 -> 3: known points, and the fit on a grid of its parameters, row by row."""

    known: tuple[Row, ...]  # (n, 3)
    rows: int
    columns: int
    fit: tuple[Row, ...]  # (rows * columns, 3)


@dataclass(frozen=True)
class Confusion:
    """Classes: how many held-out examples of class i (row) were taken for class j (column)."""

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Scatter:
    """Anything else: some held-out targets, and what was predicted for them, outputs together."""

    true: Row
    predicted: Row


ControlEvidence = CurveFit | PictureFit | SurfaceFit | Confusion | Scatter
_KINDS: Mapping[str, type[ControlEvidence]] = {
    kind.__name__: kind for kind in (CurveFit, PictureFit, SurfaceFit, Confusion, Scatter)
}


@dataclass(frozen=True)
class Series:
    """Points of a plot that belong together."""

    name: str
    x: Row
    y: Row


@dataclass(frozen=True)
class Plot:
    """A probe's own picture: some series, and the thresholds as named horizontal lines."""

    probe: str  # the name of the probe in the report
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    lines: tuple[tuple[str, float], ...] = ()
    log_x: bool = False
    # Names of the places on the x axis (0, 1, 2, ...), where it holds things instead of numbers.
    categories: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """Pictures of a certificate: one a control, in the order of the report, and one a probe that has one."""

    controls: tuple[ControlEvidence, ...] = ()
    plots: tuple[Plot, ...] = ()
    version: int = VERSION

    def to_json(self) -> str:
        """JSON text; NaN and infinity are refused."""
        values = dataclasses.asdict(self)
        for control, plain in zip(self.controls, values["controls"], strict=True):
            plain["kind"] = type(control).__name__
        return json.dumps(values, allow_nan=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The evidence of `to_json`.

        Raises:
            ValueError: it is none, or of another version.
        """
        try:
            values = json.loads(text)
            if values["version"] != VERSION:
                raise ValueError(f"this is not evidence of version {VERSION}")
            return cls(
                controls=tuple(_control(plain) for plain in values["controls"]),
                plots=tuple(_plot(plain) for plain in values["plots"]),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"the evidence is incomplete or has unknown fields: {error}") from error


def _control(plain: dict[str, Any]) -> ControlEvidence:
    kind = _KINDS[plain.pop("kind")]
    return from_plain(kind, plain)


def _plot(plain: dict[str, Any]) -> Plot:
    series = tuple(from_plain(Series, one) for one in plain.pop("series"))
    return from_plain(Plot, plain | {"series": series})
