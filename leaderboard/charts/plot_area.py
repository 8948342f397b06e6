"""The rectangle of a drawing in which the data lie, and the scales of its two axes."""

from collections.abc import Iterable
from dataclasses import dataclass

from leaderboard.charts.scales import Scale, covering


@dataclass(frozen=True)
class PlotArea:
    """Sides of the data rectangle in SVG units; what is left outside them is for ticks and labels.

    Attributes:
        width, height: of the whole drawing.
        left, right, top, bottom: x and y of the rectangle's sides (y grows downwards).
    """

    width: int
    height: int
    left: float
    right: float
    top: float
    bottom: float

    @classmethod
    def with_margins(
        cls, width: int, height: int, *, left: float, right: float, top: float, bottom: float
    ) -> "PlotArea":
        """The area inside margins of these widths."""
        return cls(width, height, left, width - right, top, height - bottom)

    def x_scale(self, low: float, high: float) -> Scale:
        """A scale from `low` at the left side to `high` at the right one; values beyond are clipped."""
        return Scale(low, high, self.left, self.right)

    def y_scale(self, low: float, high: float) -> Scale:
        """A scale from `low` at the bottom to `high` at the top; values beyond are clipped."""
        return Scale(low, high, self.bottom, self.top)

    def x_covering(self, values: Iterable[float], *, log: bool = False) -> Scale:
        """An x scale that holds all values; see `scales.covering`."""
        return covering(values, self.left, self.right, log=log)

    def y_covering(self, values: Iterable[float]) -> Scale:
        """A y scale that holds all values; see `scales.covering`."""
        return covering(values, self.bottom, self.top)
