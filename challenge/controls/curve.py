"""Curves, 1 -> 1: smooth, stepped and kinked pieces; the video's "fitting a curve".

A smooth piece is a sum of two sines, a stepped one is constant between random places, a kinked one is linear
between random knots. A harder curve has more pieces, of shorter waves. Drawn here, from no data set.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from challenge.controls.control import REGRESSION, Control, draw_difficulty, split, to_unit_interval

Array = NDArray[np.float64]
KNOWN, HELD = 2048, 1024
PIECES: Final = (2, 3, 4)
# Most cycles of a sine over [-1, 1].
CYCLES: Final = (1.5, 2.5, 3.5)


def _smooth(generator: np.random.Generator, x: Array, cycles: float) -> Array:
    frequencies = generator.uniform(0.5, cycles, 2)
    phases = generator.uniform(0, 2 * np.pi, 2)
    waves: Array = np.sin(np.pi * frequencies * x[:, None] + phases).sum(axis=1) / 2
    return waves


def _stepped(generator: np.random.Generator, x: Array, _cycles: float) -> Array:
    edges = np.sort(generator.uniform(-1, 1, 2))
    heights = generator.uniform(-1, 1, 3)
    return heights[np.searchsorted(edges, x)]


def _kinked(generator: np.random.Generator, x: Array, _cycles: float) -> Array:
    knots = np.concatenate([[-1], np.sort(generator.uniform(-1, 1, 3)), [1]])
    return np.interp(x, knots, generator.uniform(-1, 1, 5))


_SHAPES = {"smooth": _smooth, "stepped": _stepped, "kinked": _kinked}


def draw(generator: np.random.Generator) -> Control:
    """A curve of two to four pieces."""
    level, difficulty = draw_difficulty(generator)
    x = generator.uniform(-1, 1, KNOWN + HELD)
    kinds = [str(kind) for kind in generator.choice(list(_SHAPES), PIECES[level])]
    edges = np.sort(generator.uniform(-0.8, 0.8, len(kinds) - 1))
    piece = np.searchsorted(edges, x)
    y = np.select(
        [piece == i for i in range(len(kinds))],
        [_SHAPES[kind](generator, x, CYCLES[level]) for kind in kinds],
    )
    known_x, known_y, held_x, held_y = split(generator, x[:, None], to_unit_interval(y[:, None]), HELD)
    name = f"curve, {difficulty} ({', '.join(kinds)})"
    return Control(name, "curve", REGRESSION, known_x, known_y, held_x, held_y, shown_as="curve")
