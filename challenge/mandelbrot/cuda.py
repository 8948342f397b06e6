"""The target on an NVIDIA card, for training on points that never leave it.

Plain float64, one thread a point: the CPU's values to 1e-6 wherever float64 is enough, which is for all but a
few points in a thousand of shallow views. Scores are never computed here.

Beside the card's driver this needs Numba's CUDA target. Numba has one built in (0.68 still does, and calls it
deprecated); where it does not, or the card is newer than what that knows, install the package `numba-cuda`,
which takes its place under the same name.
"""

import math
from typing import Any, Final

from numba import cuda as numba_cuda

from challenge.mandelbrot.target import MAX_ITERATIONS, SQUASH

# Its names are made at import, and Numba's types do not know them.
cuda: Any = numba_cuda

_THREADS: Final = 128
# Steps between two tests; an escape is then found step by step from where the burst began.
_STEPS: Final = 8
_BAILOUT_SQUARED: Final = 2.0**32
_HALF_LN2: Final = 0.5 / math.log(2.0)


@cuda.jit  # type: ignore[misc, untyped-decorator, unused-ignore]  # Numba has no types
def _run(points: Any, limit: int, t: Any) -> None:
    place = cuda.grid(1)
    if place >= t.shape[0]:
        return
    cr, ci = points[place, 0], points[place, 1]
    t[place] = 1.0
    x, square = cr - 0.25, ci * ci
    q = x * x + square
    if q * (q + x) < 0.25 * square or (cr + 1.0) * (cr + 1.0) + square < 0.0625:
        return
    zr = zi = reference_r = reference_i = 0.0
    n, due = 0, 64
    while n < limit:
        # The state that the burst starts from is kept, in case it overshoots.
        start_r, start_i = zr, zi
        for _ in range(_STEPS):
            t_r = cuda.fma(-zi, zi, cuda.fma(zr, zr, cr))
            zi = cuda.fma(zr + zr, zi, ci)
            zr = t_r
        if not zr * zr + zi * zi <= _BAILOUT_SQUARED:
            zr, zi = start_r, start_i
            squared = 0.0
            while squared <= _BAILOUT_SQUARED:
                t_r = cuda.fma(-zi, zi, cuda.fma(zr, zr, cr))
                zi = cuda.fma(zr + zr, zi, ci)
                zr = t_r
                n += 1
                squared = zr * zr + zi * zi
            if n <= limit:
                mu = max(n + 1.0 - math.log2(math.log(squared) * _HALF_LN2), 0.0)
                t[place] = mu / (mu + SQUASH)
            return
        n += _STEPS
        if zr == reference_r and zi == reference_i:
            return
        if n >= due:
            reference_r, reference_i, due = zr, zi, 2 * n


def available() -> bool:
    """Whether there is a card that can be used (or Numba's simulator is on)."""
    return bool(cuda.is_available())


def target_into(points: Any, t: Any, max_iterations: int = MAX_ITERATIONS) -> None:
    """Write the target at plane points on the card.

    Args:
        points: (n, 2) float64 on the card: anything with `__cuda_array_interface__`, such as a torch tensor.
        t: (n,) float64 on the card, written.
        max_iterations: steps after which a point counts as inside.

    Raises:
        ValueError: the shapes do not fit each other.
        RuntimeError: there is no card that can be used.
    """
    if points.ndim != 2 or points.shape[1] != 2 or tuple(t.shape) != (points.shape[0],):
        raise ValueError(
            f"points (n, 2) and t (n,) are needed, not {tuple(points.shape)} and {tuple(t.shape)}"
        )
    if max_iterations < 1:
        raise ValueError(f"max_iterations must be at least 1, not {max_iterations}")
    if points.shape[0] == 0:
        return
    if not available():
        raise RuntimeError(
            "no CUDA card can be used: Numba finds no driver, no device, or no CUDA target that fits them "
            "(`python -m numba -s` says which; the package numba-cuda brings a newer target). "
            "challenge.mandelbrot.target computes the same on the processor"
        )
    blocks = -(-points.shape[0] // _THREADS)
    _run[blocks, _THREADS](points, max_iterations, t)
