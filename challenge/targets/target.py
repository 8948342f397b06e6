"""A secret target: an escape-time fractal through a warp of the plane and a recolouring.

    unit point x -> plane point c = centre + half_width * warp(x) -> t = recolouring(m / (m + 50))

The float64 unit point is primary, since it is all that a submission ever sees of a place; c is the double
that the formula above gives in a fixed order of operations, the same bits everywhere, and t belongs to that
c, exact to 1e-9. (Rounding of c moves a point by about a ten-millionth of the deepest view's width.)
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from challenge.mandelbrot.target import squash
from challenge.scoring.chains import Values
from challenge.targets.maps import Fractal
from challenge.targets.recolouring import Recolouring
from challenge.targets.roughness import COARSEST, Roughness
from challenge.targets.warp import Warp

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Window:
    """The square of the plane that becomes [-1, 1]^2."""

    centre: tuple[float, float]
    half_width: float


@dataclass(frozen=True)
class Target:
    """A function of unit points, with chains of its own: a `challenge.scoring.chains.ChainTarget`.

    Attributes:
        kind: which of the track's targets it is: "mandelbrot", "cousin" or "polynomial".
        fractal: what lies in the plane.
        window: where in the plane.
        warp: of the unit square, smooth; roughness: the rest of it.
        recolouring: of the target's values.
    """

    kind: str
    fractal: Fractal
    window: Window
    warp: Warp
    roughness: Roughness
    recolouring: Recolouring
    centre: tuple[float, float] = field(default=(0.0, 0.0), init=False)
    half_width: float = field(default=1.0, init=False)

    @property
    def name(self) -> str:
        """For people; nothing that gives the warp away."""
        return self.fractal.name

    def plane(self, unit: Array) -> Array:
        """Plane points (n, 2) of unit points (n, 2)."""
        from challenge.targets.kernels import warp  # noqa: PLC0415 - Numba takes half a second to import

        warped = np.empty((len(unit), 2))
        smooth = (self.warp.waves, self.warp.phases, self.warp.amplitudes)
        rough = (np.uint64(self.roughness.key), COARSEST, self.roughness.heights)
        warp.warp(np.ascontiguousarray(unit), *smooth, *rough, warped)
        points: Array = np.array(self.window.centre) + self.window.half_width * warped
        return points

    def values(self, unit: Array) -> Array:
        """The target at unit points (n, 2): (n,) float64 in [0, 1]."""
        return self.evaluate(unit).truth

    def evaluate(self, points: Array) -> Values:
        """Values of the target, and distances to the set in unit coordinates, at unit points (n, 2)."""
        found = self.fractal.escapes(self.plane(points))
        # Lengths change by both singular values of the Jacobian; this is their geometric mean. What the
        # roughness does to them is well within what the estimate leaves open.
        stretch = np.sqrt(np.abs(np.linalg.det(self.warp.jacobian(points))))
        distance = found.distance / (self.window.half_width * stretch)
        return Values(self.recolouring(squash(found.count)), distance)

    def evaluate_views(self, points: Array, centres: Array, width: float) -> Values:  # noqa: ARG002 - the protocol's
        """The same at unit points (views, n, 2), each (views, n)."""
        found = self.evaluate(points.reshape(-1, 2))
        return Values(found.truth.reshape(points.shape[:2]), found.distance.reshape(points.shape[:2]))
