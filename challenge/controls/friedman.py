"""Friedman's functions, 5..24 -> 1: a few inputs act together, the others say nothing.

The three shapes of Friedman (1991), which scikit-learn's `make_friedman1` to `3` draw in fixed ranges: there
the skill of a line is 0.75, 0.90 and 0.64. Here the ranges are such that it is low: the first shape is
centred (its product and its square have no slope on average), and the circuit of the other two, a resistance,
an inductance and a capacitance in series, is looked at around its resonance, with the size of the phase and
not its sign. Which inputs act is random. A harder one has more that do not.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from challenge.controls.control import REGRESSION, Control, draw_difficulty, split, to_unit_interval

Array = NDArray[np.float64]
KNOWN, HELD = 6144, 2048
INPUTS: Final = ((5, 10), (11, 17), (18, 24))


def _interaction(generator: np.random.Generator, x: Array) -> Array:
    """Shape 1: 10 sin(pi x0 x1) + 20 (x2 - 1/2)^2 + 10 x3 + 5 x4, centred and with weights of its own."""
    product, square = generator.uniform(6, 10), generator.uniform(6, 12)
    slopes = generator.uniform(-2, 2, 2)
    values: Array = product * np.sin(np.pi * x[:, 0] * x[:, 1]) + square * x[:, 2] ** 2 + x[:, 3:5] @ slopes
    return values


def _circuit(generator: np.random.Generator, x: Array) -> tuple[Array, Array]:
    """Resistance and reactance; the frequency passes through resonance."""
    resistance, frequency, inductance, capacitance = (1 + x[:, :4].T) / 2
    spread = generator.uniform(0.4, 0.6)
    frequency = 0.4 + generator.uniform(1.4, 1.8) * frequency
    reactance = frequency * (1 - spread + 2 * spread * inductance)
    reactance -= 1 / (frequency * (1 - spread + 2 * spread * capacitance))
    return 0.05 + generator.uniform(0.3, 0.6) * resistance, reactance


def _impedance(generator: np.random.Generator, x: Array) -> Array:
    """Shape 2: its length."""
    return np.hypot(*_circuit(generator, x))


def _phase(generator: np.random.Generator, x: Array) -> Array:
    """Shape 3: its angle, without the sign."""
    resistance, reactance = _circuit(generator, x)
    return np.arctan(np.abs(reactance) / resistance)


_SHAPES = {"interaction": _interaction, "impedance": _impedance, "phase": _phase}


def draw(generator: np.random.Generator) -> Control:
    """One of the three shapes, on inputs of which some do nothing."""
    level, difficulty = draw_difficulty(generator)
    low, high = INPUTS[level]
    inputs = int(generator.integers(low, high + 1))
    shape = str(generator.choice(list(_SHAPES)))
    x = generator.uniform(-1, 1, (KNOWN + HELD, inputs))
    y = to_unit_interval(_SHAPES[shape](generator, x)[:, None])
    x = x[:, generator.permutation(inputs)]
    return Control(f"Friedman's {shape}, {difficulty}", "friedman", REGRESSION, *split(generator, x, y, HELD))
