"""Surfaces, 2 -> 3: the sphere, closed at its poles, and the spiral shell; the video's figures in 3-D.

The sphere is (longitude, latitude) to a turned unit sphere. The shell is a tube whose radius and place grow
exponentially along a spiral (Moseley's coil with random opening, rise and turns).
"""

import numpy as np
from numpy.typing import NDArray

from challenge.controls.control import REGRESSION, Control, split, to_unit_interval

Array = NDArray[np.float64]
KNOWN, HELD = 4096, 2048


def _shell(generator: np.random.Generator, u: Array, v: Array) -> Array:
    turns = generator.uniform(1.5, 3)
    growth = generator.uniform(0.5, 1.0) / turns
    rise = generator.uniform(0.5, 1.5)
    tube = generator.uniform(0.3, 0.6)
    angle = np.pi * turns * (u + 1)
    size = np.exp(growth * angle / 2)
    ring = np.pi * v
    out = size * (1 + tube * np.cos(ring))
    return np.stack([out * np.cos(angle), out * np.sin(angle), size * (rise + tube * np.sin(ring))], axis=1)


def _sphere(generator: np.random.Generator, u: Array, v: Array) -> Array:
    longitude, latitude = np.pi * u, np.pi / 2 * v
    ball = np.stack(
        [np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)], axis=1
    )
    turned: Array = ball @ np.linalg.qr(generator.normal(size=(3, 3)))[0]
    return turned


def draw(generator: np.random.Generator) -> Control:
    """A spiral shell in two of three draws, else a sphere."""
    u, v = generator.uniform(-1, 1, (2, KNOWN + HELD))
    name, surface = (("spiral shell", _shell), ("sphere", _sphere))[int(generator.random() < 1 / 3)]
    x, y = np.stack([u, v], axis=1), to_unit_interval(surface(generator, u, v))
    return Control(f"surface ({name})", "surface", REGRESSION, *split(generator, x, y, HELD))
