"""Secret smooth warps: diffeomorphisms of the base window onto itself, in unit coordinates.

A warp moves a point by (1 - x^2) f(x, y) along x and by (1 - y^2) g(x, y) along y, where f and g are short
sums of sines: every edge and corner stays where it is. The amplitudes are scaled so that the Jacobian is
everywhere within `strength` of the identity, by a bound and not by looking at samples alone. With
strength < 1 the map is therefore one to one, and lengths change by factors in [1 - strength, 1 + strength]
only: octave k stays octave k to within log2 of that.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

STRENGTH: Final = 0.5
WAVES: Final = 4
# Waves across the half-width of the window: long ones, which no affine map can follow.
FREQUENCIES: Final = (0.3, 1.0)
GRID: Final = 257  # points a side at which the Jacobian is looked at


@dataclass(frozen=True)
class Warp:
    """One warp; the first axis of every array is the direction of movement (x, y).

    Attributes:
        waves: (2, WAVES, 2) angular frequencies.
        phases: (2, WAVES).
        amplitudes: (2, WAVES).
    """

    waves: Array
    phases: Array
    amplitudes: Array

    def __call__(self, unit: Array) -> Array:
        """Where unit points (n, 2) of [-1, 1]^2 go: (n, 2) in [-1, 1]^2."""
        angles = np.einsum("nj,dwj->dnw", unit, self.waves) + self.phases[:, None]
        moved = np.einsum("dnw,dw->nd", np.sin(angles), self.amplitudes)
        # Rounding may not carry a point of an edge out of the window.
        warped: Array = np.clip(unit + (1 - unit**2) * moved, -1.0, 1.0)
        return warped

    def jacobian(self, unit: Array) -> Array:
        """(n, 2, 2) derivatives at unit points (n, 2): row i holds those of coordinate i."""
        angles = np.einsum("nj,dwj->dnw", unit, self.waves) + self.phases[:, None]
        moved = np.einsum("dnw,dw->nd", np.sin(angles), self.amplitudes)
        slopes = np.einsum("dnw,dw,dwj->ndj", np.cos(angles), self.amplitudes, self.waves)
        result: Array = np.eye(2) + (1 - unit**2)[:, :, None] * slopes
        result[:, [0, 1], [0, 1]] -= 2 * unit * moved
        return result


def draw_warp(generator: np.random.Generator, strength: float = STRENGTH) -> Warp:
    """A random warp whose Jacobian is within `strength` of the identity, in the spectral norm.

    Raises:
        ValueError: strength is not in [0, 1), beyond which points could coincide.
    """
    if not 0 <= strength < 1:
        raise ValueError(f"the strength of a warp is in [0, 1), not {strength}")
    lengths = np.pi * generator.uniform(*FREQUENCIES, (2, WAVES))
    directions = generator.uniform(0, 2 * np.pi, (2, WAVES))
    waves = lengths[..., None] * np.stack([np.cos(directions), np.sin(directions)], axis=-1)
    amplitudes = generator.uniform(0.5, 1.0, (2, WAVES)) * generator.choice([-1.0, 1.0], (2, WAVES))
    warp = Warp(waves, generator.uniform(0, 2 * np.pi, (2, WAVES)), amplitudes)
    return replace(warp, amplitudes=amplitudes * (strength / _largest_slope(warp)))


def _largest_slope(warp: Warp) -> float:
    """An upper bound of the spectral norm of Jacobian - identity over the window.

    The largest value on a grid, and what it can grow by on the way to the nearest point of the grid: half a
    cell's diagonal times a bound of the second derivatives, from the triangle inequality.
    """
    side = np.linspace(-1, 1, GRID)
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    found = np.linalg.norm(warp.jacobian(grid) - np.eye(2), ord=2, axis=(1, 2)).max()
    lengths = np.linalg.norm(warp.waves, axis=2)
    # Second derivatives of (1 - x^2) sin(w . p): at most |w|^2 + 2 * 2 |w| + 2.
    bends = (np.abs(warp.amplitudes) * (lengths**2 + 4 * lengths + 2)).sum(axis=1)
    return float(found + np.linalg.norm(bends) * np.sqrt(2) / (GRID - 1))
