"""Compiled loop of the secret warp: sines and lattice noise, in a fixed order of operations.

Nothing here calls a library's mathematics, so the bits of a warped point are the same on every machine.
"""

# mypy: disable-error-code="no-untyped-call, no-any-return"
# Numba says that it is typed, and is not.

from typing import Final

import numpy as np
from numpy.typing import NDArray

from challenge.targets.kernels import kernel

Array = NDArray[np.float64]

_PI_HIGH: Final = 3.141592653589793
_PI_LOW: Final = 1.2246467991473532e-16


@kernel
def _sine(x: float) -> float:
    """Sin x to about 1e-16 for |x| <= 100: our own, so that its bits depend on no library."""
    turns = np.rint(x / _PI_HIGH)
    r = (x - turns * _PI_HIGH) - turns * _PI_LOW
    s = r * r
    term = 0.0
    for k in range(10, 0, -1):
        term = s / (2.0 * k * (2.0 * k + 1.0)) * (1.0 - term)
    value = r * (1.0 - term)
    return value if int(turns) % 2 == 0 else -value


@kernel
def _mixed(z: np.uint64) -> np.uint64:
    """The finaliser of SplitMix64."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@kernel
def _lattice(key: np.uint64, layer: int, axis: int, ix: int, iy: int) -> float:
    """A random number in [-1, 1) for a point of a lattice: a function of the key, and kept nowhere."""
    h = _mixed(key ^ np.uint64(2 * layer + axis + 1))
    h = _mixed(h ^ np.uint64(ix))
    h = _mixed(h ^ (np.uint64(iy) << np.uint64(32)))
    return np.float64(np.int64(h >> np.uint64(11))) * 2.0**-52 - 1.0


@kernel
def _noise(x: float, y: float, key: np.uint64, axis: int, coarsest: int, heights: Array) -> float:
    """Sum over lattices, each twice as fine as the last, of random heights, smoothly interpolated."""
    total = 0.0
    for layer in range(len(heights)):
        per_unit = 2.0 ** (coarsest + layer)
        u, v = (x + 1.0) * per_unit, (y + 1.0) * per_unit
        last = int(2 * per_unit) - 1
        ix, iy = min(last, int(u)), min(last, int(v))
        u -= ix
        v -= iy
        s, t = u * u * u * (u * (6.0 * u - 15.0) + 10.0), v * v * v * (v * (6.0 * v - 15.0) + 10.0)
        low = _lattice(key, layer, axis, ix, iy)
        low += s * (_lattice(key, layer, axis, ix + 1, iy) - low)
        high = _lattice(key, layer, axis, ix, iy + 1)
        high += s * (_lattice(key, layer, axis, ix + 1, iy + 1) - high)
        total += heights[layer] * (low + t * (high - low))
    return total


@kernel
def warp(
    unit: Array,
    waves: Array,
    phases: Array,
    amplitudes: Array,
    key: np.uint64,
    coarsest: int,
    heights: Array,
    out: Array,
) -> None:
    """Apply `Warp` and `Roughness` together, in a fixed order: the same bits anywhere."""
    for n in range(len(unit)):
        for axis in range(2):
            moved = 0.0
            for w in range(waves.shape[1]):
                angle = unit[n, 0] * waves[axis, w, 0] + unit[n, 1] * waves[axis, w, 1] + phases[axis, w]
                moved += amplitudes[axis, w] * _sine(angle)
            moved += _noise(unit[n, 0], unit[n, 1], key, axis, coarsest, heights)
            x = unit[n, axis]
            out[n, axis] = min(1.0, max(-1.0, x + (1.0 - x * x) * moved))
