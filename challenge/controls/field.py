"""Fields, 3 -> 2 and 4 -> 1: random smooth volumes, for "any dimensionality".

A draw of a Gaussian process with a Gaussian covariance, by random Fourier features (Rahimi and Recht, 2007).
What a line would find is taken out.
A harder one has a shorter length over which its values stay alike.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from challenge.controls.control import (
    REGRESSION,
    Control,
    draw_difficulty,
    split,
    to_unit_interval,
    without_line,
)

Array = NDArray[np.float64]
KNOWN, HELD = 16_384, 4096
WAVES: Final = 256
# In halves of the cube's side; the same field is harder in more dimensions.
LENGTHS: Final = {3: (0.8, 0.65, 0.5), 4: (1.0, 0.85, 0.7)}


def _field(generator: np.random.Generator, family: str, in_features: int, out_features: int) -> Control:
    level, difficulty = draw_difficulty(generator)
    x = generator.uniform(-1, 1, (KNOWN + HELD, in_features))
    waves = generator.normal(size=(in_features, WAVES)) / LENGTHS[in_features][level]
    phases = generator.uniform(0, 2 * np.pi, WAVES)
    values = np.cos(x @ waves + phases) @ generator.normal(size=(WAVES, out_features))
    y = to_unit_interval(without_line(x, values))
    name = f"field in {in_features} dimensions, {difficulty}"
    return Control(name, family, REGRESSION, *split(generator, x, y, HELD))


def volume(generator: np.random.Generator) -> Control:
    """Two values everywhere in a cube: 3 -> 2."""
    return _field(generator, "volume", 3, 2)


def hypervolume(generator: np.random.Generator) -> Control:
    """One value everywhere in a cube of four dimensions: 4 -> 1."""
    return _field(generator, "hypervolume", 4, 1)
