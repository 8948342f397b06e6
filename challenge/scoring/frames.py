"""Coordinates that models are often trained in elsewhere, and the map from ours to theirs.

A model that knows the set in another window, or with axes swapped, scores nothing here, although only its
inputs are to blame. Each known frame is an affine map of two inputs.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from challenge.mandelbrot.coordinates import to_plane

Array = NDArray[np.float64]

# Least and greatest real part, then imaginary part.
WINDOWS: Final[dict[str, tuple[float, float, float, float]]] = {
    "base": (-2.75, 1.25, -2.0, 2.0),
    "author": (-2.65, 1.15, -1.2, 1.2),  # the video's
    "cardioid": (-2.0, 1.0, -1.5, 1.5),
    "classic": (-2.5, 1.0, -1.25, 1.25),
    "landscape": (-2.0, 1.0, -1.0, 1.0),
    "textbook": (-2.0, 0.5, -1.25, 1.25),
    "centred": (-2.0, 2.0, -2.0, 2.0),
    "shifted": (-2.5, 1.5, -2.0, 2.0),
}
# How a window becomes inputs.
SQUARE, UNIT, PLANE, ASPECT = "square", "unit", "plane", "aspect"


@dataclass(frozen=True)
class Frame:
    """A way to turn points of the plane into inputs.

    Attributes:
        window: a key of `WINDOWS`.
        scale: "square": the window stretched to [-1, 1]^2; "unit": to [0, 1]^2; "aspect": its width to
            [-1, 1] and its height by the same factor; "plane": real and imaginary part themselves.
        swapped: imaginary part first.
        mirrored: the real axis pointing left.
    """

    window: str
    scale: str = SQUARE
    swapped: bool = False
    mirrored: bool = False

    @property
    def name(self) -> str:
        """Its name on the command line, such as "author" or "classic-unit-swapped"."""
        parts = [self.window] if self.scale != PLANE else []
        parts += [self.scale] if self.scale != SQUARE else []
        parts += ["swapped"] * self.swapped + ["mirrored"] * self.mirrored
        return "-".join(parts)

    @property
    def affine(self) -> tuple[Array, Array]:
        """Matrix (2, 2) and shift (2,) with inputs = unit @ matrix + shift, for unit coordinates (n, 2)."""
        corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
        shift, right, up = self._of_plane(to_plane(corners))
        return np.stack([right - shift, up - shift]), shift

    def inputs(self, unit: Array) -> Array:
        """What a model of this frame expects (n, 2) at unit coordinates (n, 2)."""
        return self._of_plane(to_plane(unit))

    def describe(self) -> str:
        """The frame in words."""
        low, high, bottom, top = WINDOWS[self.window]
        ways = {
            SQUARE: f"{low:g} .. {high:g} by {bottom:g} .. {top:g}, stretched to [-1, 1]^2",
            UNIT: f"{low:g} .. {high:g} by {bottom:g} .. {top:g}, stretched to [0, 1]^2",
            ASPECT: f"{low:g} .. {high:g} by {bottom:g} .. {top:g}, its width as [-1, 1]",
            PLANE: "the real and the imaginary part themselves",
        }
        more = [*(["axes swapped"] * self.swapped), *(["the real axis mirrored"] * self.mirrored)]
        return ", ".join([ways[self.scale], *more])

    def _of_plane(self, plane: Array) -> Array:
        low, high, bottom, top = WINDOWS[self.window]
        middle = np.array([(low + high) / 2, (bottom + top) / 2])
        half = np.array([(high - low) / 2, (top - bottom) / 2])
        if self.scale == PLANE:
            values = plane
        elif self.scale == ASPECT:
            values = (plane - middle) / half[0]
        else:
            values = (plane - middle) / half
            values = (values + 1) / 2 if self.scale == UNIT else values
        if self.mirrored:
            values = (np.array([1.0, 0.0]) if self.scale == UNIT else 0.0) + values * np.array([-1.0, 1.0])
        return np.ascontiguousarray(values[:, ::-1]) if self.swapped else values


def known_frames() -> dict[str, Frame]:
    """Every known frame but our own, by name."""
    scales = [(window, scale) for window in WINDOWS for scale in (SQUARE, UNIT, ASPECT)]
    made = [
        Frame(window, scale, swapped, mirrored)
        for window, scale in [*scales, ("base", PLANE)]
        # A window as high as wide looks the same in both.
        if not (scale == ASPECT and _is_square(window))
        for swapped in (False, True)
        for mirrored in (False, True)
    ]
    return {frame.name: frame for frame in made if frame != Frame("base")}


def _is_square(window: str) -> bool:
    low, high, bottom, top = WINDOWS[window]
    return high - low == top - bottom
