"""Escape-time fractals of any map: the exact counts and distances of plane points.

    mu = n + 1 - log_d(log2 |z_n|),   n the first index with |z_n|^2 > 2^32; +inf if none up to `LIMIT`

For z^2 + c this is the contract's escape count. Exact as that one is: the float64 plane point is primary, and
what belongs to it is computed in doubles with a bound of the error, in sums of two doubles where that bound
is not good enough, and in integers of any length where that is not either.
"""

import math
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from challenge.mandelbrot import exact_orbits
from challenge.mandelbrot.target import Escapes, escapes

Array = NDArray[np.float64]

# Fewer than z^2 + c's 100,000: what escapes later differs from the inside by less than 0.01, and the orbits
# that creep past parabolic points for so long would cost more than everything else.
LIMIT: Final = 5_000
_CHUNK: Final = 512


class Fractal(Protocol):
    """Escapes of plane points: what a target is made of."""

    @property
    def name(self) -> str:
        """What people call it."""

    def escapes(self, points: Array) -> Escapes:
        """Counts and exterior distances at (n, 2) plane points, each (n,)."""


@dataclass(frozen=True)
class Mandelbrot:
    """The contract's own target, by its own generator."""

    name: str = "Mandelbrot set"

    def escapes(self, points: Array) -> Escapes:
        """Counts and exterior distances at (n, 2) plane points, each (n,)."""
        return escapes(points)


@dataclass(frozen=True)
class EscapeMap:
    """z -> f(w) + c, w = z or its conjugate, f monic and centred, f(w) = w^d + a_(d-2) w^(d-2) + ... + a_0.

    Attributes:
        name: what people call it.
        coefficients: a_0 .. a_(d-2); there is one fewer than the degree.
        conjugate: whether w is the conjugate of z.
        dynamical: the plane is z's: an orbit starts at the point and c is 0. Else the point is c.
        start: where orbits start in a parameter plane.
        limit: iterations after which a point counts as inside.
    """

    name: str
    coefficients: tuple[complex, ...]
    conjugate: bool = False
    dynamical: bool = False
    start: complex = 0j
    limit: int = LIMIT

    @property
    def degree(self) -> int:
        """Of f."""
        return len(self.coefficients) + 1

    @property
    def reach(self) -> float:
        """A distance from the origin beyond which there is nothing but escape."""
        return 2.0 + math.sqrt(sum(abs(a) for a in self.coefficients)) + abs(self.start)

    def escapes(self, points: Array) -> Escapes:
        """Counts and exterior distances at (n, 2) plane points, each (n,)."""
        from challenge.mandelbrot.parallel import share, threads  # noqa: PLC0415 - Numba takes half a second to import
        from challenge.targets.kernels import escape as kernels  # noqa: PLC0415

        points = np.ascontiguousarray(points)
        count, distance = np.empty(len(points)), np.empty(len(points))
        state = np.empty(len(points), np.uint8)
        a = np.array([(c.real, c.imag) for c in self.coefficients])
        start = (self.start.real, self.start.imag)
        rest = (self.conjugate, a, self.dynamical, start, self.limit)
        workers = threads()

        def first(begin: int) -> None:
            here = slice(begin, begin + _CHUNK)
            kernels.escape(points[here], *rest, count[here], distance[here], state[here])

        share(first, range(0, len(points), _CHUNK), workers)
        doubtful = np.flatnonzero(state == kernels.DOUBTFUL)
        mu, away, still = np.empty(doubtful.size), np.empty(doubtful.size), np.empty(doubtful.size, np.uint8)
        some = points[doubtful]

        def second(begin: int) -> None:
            here = slice(begin, begin + _CHUNK // 8)
            kernels.escape_doubled(some[here], *rest, mu[here], away[here], still[here])

        share(second, range(0, doubtful.size, _CHUNK // 8), workers)
        count[doubtful], distance[doubtful] = mu, away
        for place in doubtful[still == kernels.DOUBTFUL]:
            count[place], distance[place] = self._settled(*points[place])
        return Escapes(count, distance)

    def _settled(self, x: float, y: float) -> tuple[float, float]:
        point = complex(x, y)
        start, added = (point, 0j) if self.dynamical else (self.start, point)
        orbit = exact_orbits.Orbit(start, added, self.coefficients, self.conjugate, self.dynamical)
        found = exact_orbits.escape(orbit, self.limit)
        return found.mu, found.distance
