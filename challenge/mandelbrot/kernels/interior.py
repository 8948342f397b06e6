"""What proves a point to be inside the set. Each test may miss a point; none may claim one falsely."""

import math
from typing import Any, Final

from challenge.mandelbrot.kernels.float64_steps import CI, CR, DI, DR, ERROR, INDEX, ZI, ZR
from challenge.mandelbrot.kernels.lanes import compaction_kernel
from challenge.mandelbrot.kernels.llvm_vectors import Block, Lanes, kernel

# Rounding of the closed formulas below is under 1e-14; a point that close to their edge is iterated.
_MARGIN: Final = 1e-13
# Rounding of one step of a disc that stays within |z| <= 4, centre and radius together.
_DISC_ROUNDING: Final = 1e-14


def _known(block: Block, _number: Any) -> tuple[Lanes, Lanes]:
    """Who is not inside by a closed form: main cardioid, disc of period 2, real axis, +-i (preperiodic)."""
    cr, ci = block.load(CR), block.load(CI)
    size = ci.size()
    square = ci * ci
    x = cr - 0.25
    q = x * x + square
    inside = q * (q + x) < square * 0.25 - _MARGIN
    inside |= (cr + 1.0) * (cr + 1.0) + square < 0.0625 - _MARGIN
    inside |= (size <= 0.0) & (cr <= 0.25) & (-cr <= 2.0)
    inside |= (cr.size() <= 0.0) & (size <= 1.0) & (-size <= -1.0)
    return ~inside, inside & ~inside


# (state, live, known, there, 0) -> (live, there, 0): takes out who is known to be inside; known has who that
# is.
remove_known_inside: Final = compaction_kernel(
    _known, {row: row for row in (ZR, ZI, ERROR, CR, CI, INDEX, DR, DI)}, {0: INDEX}
)


@kernel
def attracted(cr: float, ci: float, start_r: float, start_i: float, gap: float, steps: int) -> bool:
    """Whether some iterate maps a disc around the start into itself.

    Then there is an attracting cycle in it, every attracting cycle of z^2 + c attracts the orbit of 0, and c
    is inside. The disc is iterated with outward rounding, so this holds whether or not the orbit that led
    here was itself precise. The first iterate that does is taken: steps is only the limit.

    Args:
        cr: the point's real part.
        ci: its imaginary part.
        start_r: the real part of the disc's centre.
        start_i: the imaginary part.
        gap: how far from the start the orbit is expected to return; sizes the disc.
        steps: iterations to try, at most.
    """
    size = 4.0 * gap + 1e-12
    radius = size
    zr, zi = start_r, start_i
    for _ in range(steps):
        squared = zr * zr + zi * zi
        radius = (2.0 * math.sqrt(squared) + radius) * radius + _DISC_ROUNDING
        zr, zi = zr * zr - zi * zi + cr, 2.0 * zr * zi + ci
        if radius < size:
            back_r, back_i = zr - start_r, zi - start_i
            room = size - radius
            if back_r * back_r + back_i * back_i < room * room * 0.999:
                return True
        elif not radius <= 1.0:
            return False
    return False
