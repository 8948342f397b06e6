"""Random teacher networks, 5..24 -> 1..4: higher-dimensional problems.

A layer of random units, each a bump or a fold along a random direction, and above it a random read-out, in
some draws with a layer of tanh between. Bumps and folds are even, so a line finds little; a teacher of tanh
or ReLU units alone is mostly a line in many dimensions, and one of sine units in 24 is not learnable at all.
A harder one has more inputs and more units.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from challenge.controls.control import REGRESSION, Control, draw_difficulty, split, to_unit_interval

Array = NDArray[np.float64]
KNOWN, HELD = 6144, 2048
UNITS: Final = (8, 12, 16)
MOST_OUTPUTS: Final = 4


def _teacher(generator: np.random.Generator, family: str, inputs: tuple[int, int]) -> Control:
    level, difficulty = draw_difficulty(generator)
    lows = np.linspace(inputs[0], inputs[1] + 1, 4)
    in_features = int(generator.integers(int(lows[level]), int(lows[level + 1])))
    out_features = int(generator.integers(1, MOST_OUTPUTS + 1))
    units = UNITS[level]
    x = generator.uniform(-1, 1, (KNOWN + HELD, in_features))
    # Uniform inputs have a variance of a third: these have one of about 1.
    directions = generator.normal(size=(in_features, units)) * np.sqrt(3 / in_features)
    hidden = x @ directions + 0.3 * generator.normal(size=units)
    kind = str(generator.choice(["bumps", "folds"]))
    hidden = np.exp(-(hidden**2) / 2) if kind == "bumps" else np.abs(hidden)
    layers = int(generator.integers(1, 3))
    if layers == 2:
        hidden = (hidden - hidden.mean(axis=0)) / hidden.std(axis=0)
        hidden = np.tanh(hidden @ generator.normal(size=(units, units)) / np.sqrt(units))
    values = hidden @ generator.normal(size=(units, out_features))
    # One scale for each output: none is lost beside another.
    y = to_unit_interval(values / np.ptp(values, axis=0))
    name = f"teacher of {units} {kind}{' and tanh' if layers == 2 else ''}, {difficulty}"
    return Control(name, family, REGRESSION, *split(generator, x, y, HELD))


def draw(generator: np.random.Generator) -> Control:
    """A teacher of 5 to 12 inputs."""
    return _teacher(generator, "teacher", (5, 12))


def wide(generator: np.random.Generator) -> Control:
    """A teacher of 13 to 24 inputs."""
    return _teacher(generator, "wide teacher", (13, 24))
