"""Surfaces, 2 -> 3: the sphere, closed at its poles, and the spiral shell; the video's figures in 3-D.

The sphere is (longitude, latitude) to a turned unit sphere, run over twice and dented by waves around its
axis: the harder, the more of them. The shell is a tube whose radius and place grow exponentially along a
spiral (Moseley's coil with random opening, rise and turns): the harder, the more turns.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from challenge.controls.control import REGRESSION, Control, draw_difficulty, split, to_unit_interval

Array = NDArray[np.float64]
KNOWN, HELD = 16_384, 4096
TURNS: Final = ((1.0, 1.5), (1.5, 2.25), (2.25, 3.0))
WAVES: Final = (0, 2, 3)


def _shell(generator: np.random.Generator, level: int, u: Array, v: Array) -> Array:
    turns = generator.uniform(*TURNS[level])
    growth = generator.uniform(0.5, 1.0) / turns
    rise = generator.uniform(0.5, 1.5)
    tube = generator.uniform(0.3, 0.6)
    angle = np.pi * turns * (u + 1)
    size = np.exp(growth * angle / 2)
    ring = np.pi * v
    out = size * (1 + tube * np.cos(ring))
    return np.stack([out * np.cos(angle), out * np.sin(angle), size * (rise + tube * np.sin(ring))], axis=1)


def _sphere(generator: np.random.Generator, level: int, u: Array, v: Array) -> Array:
    # A whole circle over both poles: from pole to pole alone, a line explains more than half of it.
    longitude, latitude = np.pi * u, np.pi * v
    # The waves vanish at the poles, where all meridians meet.
    radius = 1 + 0.25 * np.cos(latitude) ** 2 * np.cos(
        WAVES[level] * longitude + generator.uniform(0, 2 * np.pi)
    )
    ball = np.stack(
        [np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)], axis=1
    )
    turned: Array = (radius[:, None] * ball) @ np.linalg.qr(generator.normal(size=(3, 3)))[0]
    return turned


def draw(generator: np.random.Generator) -> Control:
    """A spiral shell in two of three draws, else a sphere."""
    level, difficulty = draw_difficulty(generator)
    u, v = generator.uniform(-1, 1, (2, KNOWN + HELD))
    name, surface = (("spiral shell", _shell), ("sphere", _sphere))[int(generator.random() < 1 / 3)]
    x, y = np.stack([u, v], axis=1), to_unit_interval(surface(generator, level, u, v))
    return Control(
        f"{name}, {difficulty}", "surface", REGRESSION, *split(generator, x, y, HELD), shown_as="surface"
    )
