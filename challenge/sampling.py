"""Random samples of the target: what a participant trains on."""

import numpy as np
from numpy.typing import NDArray

from challenge.frame import to_plane
from challenge.target import target

Array = NDArray[np.float64]


def sample(n: int, seed: int | None = None) -> tuple[Array, Array]:
    """n uniform random points of the base window.

    Returns:
        x: (n, 2) unit coordinates in [-1, 1]; t: (n,) the target there.

    Raises:
        ValueError: n is below 1.
    """
    if n < 1:
        raise ValueError(f"n must be at least 1, not {n}")
    x = np.random.default_rng(seed).uniform(-1.0, 1.0, (n, 2))
    return x, target(to_plane(x))
