"""Drawing the targets of a season, and drawing again what shows too little.

A random map may be all escape, or nearly all inside, or smooth at depth. So a draw is measured before it is
taken, on a few small chains of its own: every octave has to vary, and no octave may cost too much.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from challenge.mandelbrot.coordinates import CENTRE, HALF_WIDTH, OCTAVES
from challenge.scoring.chains import draw_views
from challenge.scoring.season import Season
from challenge.targets.maps import EscapeMap, Fractal, Mandelbrot
from challenge.targets.recolouring import draw_recolouring
from challenge.targets.roughness import draw_roughness
from challenge.targets.target import Target, Window
from challenge.targets.warp import draw_warp

Array = NDArray[np.float64]
Generator = np.random.Generator

DRAWS: Final = 24
# Together they keep the Jacobian within a half of the identity.
SMOOTH: Final = 0.25
ROUGH: Final = 0.25
GRID: Final = 128
SEARCH: Final = 4096
CHECK_CHAINS: Final = 8
CHECK_POINTS: Final = 64
# The standard deviation of t in the median view of every octave; the Mandelbrot set's falls to 0.015.
LEAST_DEVIATION: Final = 0.004
BASE_DEVIATION: Final = 0.08
# Share of the base window inside the set.
MOST_INSIDE: Final = 0.5
# Escape counts at the last octave: beyond, the truth takes minutes. As t, before recolouring: 2,000 / 2,050.
MOST_COUNT: Final = 0.975


def _multibrot(generator: Generator) -> EscapeMap:
    degree = int(generator.integers(3, 6))
    return EscapeMap(f"Multibrot set of degree {degree}", (0j,) * (degree - 1))


def _multicorn(generator: Generator) -> EscapeMap:
    degree = int(generator.integers(2, 5))
    name = "Tricorn" if degree == 2 else f"Multicorn of degree {degree}"
    return EscapeMap(name, (0j,) * (degree - 1), conjugate=True)


def _julia(generator: Generator) -> EscapeMap:
    return _julia_of(EscapeMap("Julia set of z^2 + c", (0j,)), generator)


def _polynomial(generator: Generator) -> EscapeMap:
    """Degree 3 to 5, all lower coefficients random; its parameter plane, or a Julia set of it."""
    degree = int(generator.integers(3, 6))
    size, angle = generator.uniform(0.3, 1.2, degree - 2), generator.uniform(0, 2 * np.pi, degree - 2)
    lower = [complex(c) for c in size * np.exp(1j * angle)]
    derivative = [degree, 0, *(k * lower[k - 1] for k in range(degree - 2, 0, -1))]
    critical = complex(generator.choice(np.sort_complex(np.roots(derivative))))
    name = f"random polynomial map of degree {degree}"
    plane = EscapeMap(f"{name}, parameter plane", (0j, *lower), start=critical)
    if generator.random() < 0.5:
        return plane
    return _julia_of(plane, generator, f"{name}, Julia set")


def _julia_of(plane: EscapeMap, generator: Generator, name: str = "") -> EscapeMap:
    """A Julia set for a c close outside the set of a parameter plane: nearly connected, full of spirals."""
    points = plane.reach * generator.uniform(-1, 1, (SEARCH, 2))
    distance = plane.escapes(points).distance
    near = np.flatnonzero((distance > 1e-4) & (distance < 2e-2))
    where = int(near[0]) if near.size else int(np.argmax(distance > 0))
    c = complex(*points[where])
    return EscapeMap(name or plane.name, (c, *plane.coefficients[1:]), dynamical=True)


# Not the Burning Ship: it is not analytic even twice over, parts of its body are chaotic on whole areas, and
# there no number of bits that anybody can wait for settles who escapes.
COUSINS: Final[tuple[Callable[[Generator], EscapeMap], ...]] = (_multibrot, _multicorn, _julia)


def _mandelbrot(_generator: Generator) -> Mandelbrot:
    return Mandelbrot()


def _cousin(generator: Generator) -> EscapeMap:
    return COUSINS[int(generator.integers(len(COUSINS)))](generator)


# The track's targets, in the order in which they are judged.
KINDS: Final[dict[str, Callable[[Generator], Fractal]]] = {
    "mandelbrot": _mandelbrot,
    "cousin": _cousin,
    "polynomial": _polynomial,
}


def _window(fractal: Fractal, generator: Generator) -> Window | None:
    """A square somewhat wider than the set and not quite centred on it; None where there is no set."""
    if not isinstance(fractal, EscapeMap):
        return Window(CENTRE, HALF_WIDTH)
    # Not symmetric: on axes of symmetry lie the points that take the longest.
    side = np.linspace(-fractal.reach, 0.99 * fractal.reach, GRID)
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    touched = grid[fractal.escapes(grid).distance <= side[1] - side[0]]
    if len(touched) == 0:
        return None
    low, high = touched.min(axis=0), touched.max(axis=0)
    half_width = float((high - low).max()) / 2 * generator.uniform(1.3, 1.6)
    centre = (low + high) / 2 + half_width * generator.uniform(-0.1, 0.1, 2)
    return Window((float(centre[0]), float(centre[1])), half_width)


def structured(target: Target, generators: list[Generator]) -> bool:
    """Whether small chains find structure in every octave, at a bearable cost."""
    truth = draw_views(target, generators, octaves=OCTAVES, points=CHECK_POINTS).truth
    deviation = np.median(truth.std(axis=2), axis=0)
    inside = float((truth[:, 0] >= 1.0).mean())
    return bool(
        deviation[0] >= BASE_DEVIATION
        and deviation.min() >= LEAST_DEVIATION
        and inside <= MOST_INSIDE
        and np.median(truth[:, -1]) <= MOST_COUNT
    )


def draw_target(season: Season, kind: str) -> Target:
    """The season's target of one kind (a key of `KINDS`).

    Raises:
        RuntimeError: no draw had structure, which no season has been seen to do.
    """
    for attempt in range(DRAWS):
        generator = season.generator("target", kind, attempt)
        fractal = KINDS[kind](generator)
        window = _window(fractal, generator)
        if window is None:
            continue
        warp, roughness = draw_warp(generator, SMOOTH), draw_roughness(generator, ROUGH)
        target = Target(kind, fractal, window, warp, roughness, draw_recolouring(generator))
        checks = [season.generator("target", kind, attempt, "check", i) for i in range(CHECK_CHAINS)]
        if kind == "mandelbrot" or structured(target, checks):
            return target
    raise RuntimeError(f"no target with structure among {DRAWS} draws of the kind {kind!r}")
