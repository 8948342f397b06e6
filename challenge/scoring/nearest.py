"""A search over all pairs of two groups of points, compiled."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from challenge.util.jit import kernel_decorator

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


@kernel_decorator(Path(__file__).parent)
def nearest_to_others(points: Array, candidates: Mask, others: Mask) -> int:
    """Index of the candidate that lies nearest to one of the others; the first, where several do; or -1.

    Args:
        points: (n, 2).
        candidates: (n,) which points are candidates.
        others: (n,) which points are the others.
    """
    chosen, least = -1, np.inf
    for i in range(len(points)):
        if not candidates[i]:
            continue
        for j in range(len(points)):
            if others[j]:
                x, y = points[i, 0] - points[j, 0], points[i, 1] - points[j, 1]
                if x * x + y * y < least:
                    chosen, least = i, x * x + y * y
    return chosen
