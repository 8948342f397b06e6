"""Searches among the points of a view, compiled."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from challenge.mandelbrot.coordinates import CENTRE
from challenge.util.jit import kernel_decorator

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


kernel = kernel_decorator(Path(__file__).parent)


@kernel
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


@kernel
def next_centres(
    points: Array, distances: Array, draws: Array, shore: Mask, near: float, room: float, centres: Array
) -> None:
    """Choose the next centre of each chain among the points of its view; it stays where none is allowed.

    A random point outside the set and near it, or else the point nearest to the set. With `shore`, the
    candidate nearest to an inside point, where the view has both.

    Args:
        points: (chains, n, 2).
        distances: (chains, n) to the set; 0 inside.
        draws: (chains, n) random numbers: the candidate with the least is taken.
        shore: (chains,) which stay near the set.
        near: the distance up to which a point is a candidate.
        room: how far from the base window's centre the next one may be, in each part.
        centres: (chains, 2) overwritten.
    """
    candidates, others = np.empty(points.shape[1], np.bool_), np.empty(points.shape[1], np.bool_)
    for chain in range(len(points)):
        chosen, nearest = -1, -1
        for i in range(points.shape[1]):
            distance = distances[chain, i]
            x, y = abs(points[chain, i, 0] - CENTRE[0]), abs(points[chain, i, 1] - CENTRE[1])
            others[i] = distance <= 0
            allowed = distance > 0 and x <= room and y <= room
            candidates[i] = allowed and distance <= near
            if allowed and (nearest < 0 or distance < distances[chain, nearest]):
                nearest = i
            if candidates[i] and (chosen < 0 or draws[chain, i] < draws[chain, chosen]):
                chosen = i
        by_shore = nearest_to_others(points[chain], candidates, others) if shore[chain] else -1
        chosen = by_shore if by_shore >= 0 else chosen if chosen >= 0 else nearest
        if chosen >= 0:
            for part in range(2):
                centres[chain, part] = points[chain, chosen, part]
