"""The rough part of a secret warp: detail on every scale down to below what samples can tell.

A smooth warp has few parameters, or at least few that matter. Whoever knows the formula behind a target could
find them from a handful of exact samples, to all digits, and would then know the target at every depth. So
the warp has random detail of its own, drawn by a hash for every point of lattices that get finer and finer.
A million samples fill the cells of the lattice of 2^-9; what lies below is in no sample that anybody gets.
Knowing the formula then helps some octaves below the samples, and no further.

Heights shrink with the lattice: every layer bends the plane alike, and the sum of their slopes is bounded.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# The coarsest lattice has a spacing of 2^-COARSEST in unit coordinates, the finest of 2^-13.
COARSEST: Final = 2
LAYERS: Final = 12
# Of the interpolation: 15/8 between heights that differ by 2 at most, in two coordinates of two
# displacements, together as a Frobenius norm; and 3 % for the factor that holds the edges still.
_STEEPEST: Final = 2 * 2 * 15 / 8 * 1.03


@dataclass(frozen=True)
class Roughness:
    """Displacements of unit points, computed by `challenge.targets.kernels.warp.warp`.

    Attributes:
        key: 63 secret bits, from which the hash makes every height.
        strength: a bound of what it adds to the Jacobian, in the spectral norm.
    """

    key: int
    strength: float

    @property
    def heights(self) -> Array:
        """(LAYERS,) the largest displacement of each layer."""
        spacing = 2.0 ** -np.arange(COARSEST, COARSEST + LAYERS, dtype=np.float64)
        return np.asarray(self.strength / LAYERS / _STEEPEST * spacing)


def draw_roughness(generator: np.random.Generator, strength: float) -> Roughness:
    """A random one."""
    return Roughness(int(generator.integers(2**63)), strength)
