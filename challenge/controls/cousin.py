"""Cousins, 2 -> 1: other escape-time fractals, seen through a secret smooth warp; for the Mandelbrot set.

Multibrot (z^d + c, d of 3 to 5), Tricorn (conj(z)^2 + c), Burning Ship ((|Re z| + i |Im z|)^2 + c) and Julia
sets (z^2 + k, where k is near the edge of the main cardioid, so that there is an inside). The smooth escape
count is squashed as the target's is (docs/spec.md, section 1) and stretched to [0, 1]. A harder one is a
smaller view near the shore: a half or a quarter of the whole window's width. Plain float64 is enough there.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from challenge.controls.control import (
    REGRESSION,
    Control,
    draw_difficulty,
    line_share,
    split,
    to_unit_interval,
)
from challenge.targets.warp import draw_warp

Array = NDArray[np.float64]
Points = NDArray[np.complex128]
KNOWN, HELD = 32_768, 4096
ITERATIONS: Final = 400
BAILOUT: Final = 2.0**16
# A view is looked for in which this share of points lies inside.
INSIDE: Final = (0.1, 0.6)
# And which a line explains at most so far.
LINE: Final = 0.3
TRIES: Final = 40
LOOK: Final = 512


@dataclass(frozen=True)
class _Fractal:
    name: str
    degree: int
    centre: complex
    half_width: float
    folded: bool = False  # |Re z| + i |Im z| before the power
    mirrored: bool = False  # conj(z) before the power
    constant: complex | None = None  # a Julia set's; else c is the point itself


def _draw_fractal(generator: np.random.Generator) -> _Fractal:
    kind = str(generator.choice(["Multibrot", "Tricorn", "Burning Ship", "Julia set"]))
    if kind == "Multibrot":
        degree = int(generator.integers(3, 6))
        return _Fractal(f"Multibrot of degree {degree}", degree, 0j, 1.4)
    if kind == "Tricorn":
        return _Fractal(kind, 2, -0.25 + 0j, 2.0, mirrored=True)
    if kind == "Burning Ship":
        return _Fractal(kind, 2, -0.5 - 0.5j, 1.8, folded=True)
    turn = generator.uniform(0.85, 1.0) * np.exp(2j * np.pi * generator.random())
    return _Fractal(kind, 2, 0j, 1.6, constant=turn / 2 - turn**2 / 4)


def _smooth_count(fractal: _Fractal, points: Points) -> Array:
    """Squashed smooth escape counts in [0, 1] of (n,) points; 1 where a point does not escape."""
    z = points.copy() if fractal.constant is not None else np.zeros_like(points)
    result = np.ones(len(points))
    left = np.arange(len(points))
    for n in range(1, ITERATIONS + 1):
        if fractal.folded:
            z = np.abs(z.real) + 1j * np.abs(z.imag)
        elif fractal.mirrored:
            z = z.conj()
        z = z**fractal.degree + (points[left] if fractal.constant is None else fractal.constant)
        out = np.abs(z) > BAILOUT
        if out.any():
            size = np.log2(np.abs(z[out]))
            count = np.maximum(n + 1 - np.log2(size) / np.log2(fractal.degree), 0.0)
            result[left[out]] = count / (count + 50)
            left, z = left[~out], z[~out]
    return result


def _view(generator: np.random.Generator, fractal: _Fractal, level: int) -> tuple[complex, float]:
    """Centre and half-width of a view with a shore in it; the whole window where none is found."""
    half = fractal.half_width / 2**level
    x = generator.uniform(-1, 1, (LOOK, 2))
    for _ in range(TRIES if level else 0):
        centre = fractal.centre + (fractal.half_width - half) * (
            generator.uniform(-1, 1, 2) @ np.array([1, 1j])
        )
        count = _smooth_count(fractal, centre + half * (x @ np.array([1, 1j])))
        if INSIDE[0] <= (count == 1).mean() <= INSIDE[1] and line_share(x, count[:, None]) <= LINE:
            return centre, half
    return fractal.centre, fractal.half_width


def draw(generator: np.random.Generator) -> Control:
    """A cousin's view, warped."""
    level, difficulty = draw_difficulty(generator)
    fractal = _draw_fractal(generator)
    centre, half = _view(generator, fractal, level)
    x = generator.uniform(-1, 1, (KNOWN + HELD, 2))
    points = centre + half * (draw_warp(generator)(x) @ np.array([1, 1j]))
    y = to_unit_interval(_smooth_count(fractal, points)[:, None])
    return Control(
        f"{fractal.name}, {difficulty}",
        "cousin",
        REGRESSION,
        *split(generator, x, y, HELD),
        shown_as="picture",
    )
