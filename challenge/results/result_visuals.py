"""Data of the pictures that illustrate a result: a fit for each control, plots of probes. No judgement.

The held-out inputs of a control are never included: a picture shows the half that the submission was given,
and of the other half only counts, or predicted values beside true ones.
"""

import dataclasses
import json
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from challenge.util.validation import STRICT, read_values

VERSION = 1
Row = tuple[float, ...]


@dataclass(config=STRICT, frozen=True)
class CurveFit:
    """A curve, 1 -> 1: known points (x, y), and the fit along an even grid."""

    known_x: Row
    known_y: Row
    grid: Row
    fit: Row
    kind: Literal["CurveFit"] = "CurveFit"


@dataclass(config=STRICT, frozen=True)
class PictureFit:
    """An image, 2 -> channels: values 0..255 row by row from the top, channels innermost.

    `known` is -1 where the submission was given no point.
    """

    width: int
    height: int
    channels: int
    known: tuple[int, ...]
    fit: tuple[int, ...]
    kind: Literal["PictureFit"] = "PictureFit"


@dataclass(config=STRICT, frozen=True)
class SurfaceFit:
    """A surface in space, 2 -> 3: known points, and the fit on a grid of its parameters, row by row."""

    known: tuple[Row, ...]  # (n, 3)
    rows: int
    columns: int
    fit: tuple[Row, ...]  # (rows * columns, 3)
    kind: Literal["SurfaceFit"] = "SurfaceFit"


@dataclass(config=STRICT, frozen=True)
class Confusion:
    """Classes: how many held-out examples of class i (row) were taken for class j (column)."""

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    kind: Literal["Confusion"] = "Confusion"


@dataclass(config=STRICT, frozen=True)
class Scatter:
    """Anything else: some held-out targets, and what was predicted for them, outputs together."""

    true: Row
    predicted: Row
    kind: Literal["Scatter"] = "Scatter"


ControlFit = CurveFit | PictureFit | SurfaceFit | Confusion | Scatter


@dataclass(config=STRICT, frozen=True)
class Series:
    """Points of a plot that belong together."""

    name: str
    x: Row
    y: Row


@dataclass(config=STRICT, frozen=True)
class PlotData:
    """The plot of a probe: some series, and the thresholds as named horizontal lines."""

    probe: str  # the name of the probe in the report
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    lines: tuple[tuple[str, float], ...] = ()
    log_x: bool = False
    # Names of the places on the x axis (0, 1, 2, ...), where it holds things instead of numbers.
    categories: tuple[str, ...] = ()


@dataclass(config=STRICT | ConfigDict(extra="ignore"), frozen=True)
class ResultVisuals:
    """Pictures of a result: a fit for each control, in the order of the report, and plots of probes."""

    controls: tuple[Annotated[ControlFit, Field(discriminator="kind")], ...] = ()
    plots: tuple[PlotData, ...] = ()
    version: int = VERSION

    def to_json(self) -> str:
        """JSON text.

        Raises:
            ValueError: a number is NaN or infinite.
        """
        return json.dumps(dataclasses.asdict(self), allow_nan=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The visuals of `to_json`.

        Raises:
            ValueError: it is something else, or of another version.
        """
        values = json.loads(text)
        if not isinstance(values, dict) or values.get("version") != VERSION:
            raise ValueError(f"this is not evidence of version {VERSION}")
        missing = [name for name in ("controls", "plots") if name not in values]
        if missing:
            raise ValueError(f"the evidence is incomplete: {' and '.join(missing)} missing")
        try:
            return read_values(cls, values)
        except ValueError as error:
            raise ValueError(f"the evidence is incomplete or has unknown fields: {error}") from error
