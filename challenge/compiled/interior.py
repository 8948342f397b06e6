"""What proves a point to be inside the set. Each test may miss a point; none may claim one falsely."""

import math

from challenge.compiled.vectors import kernel

# Rounding of the closed formulas below is under 1e-14; a point that close to their edge is iterated.
_MARGIN = 1e-13
# Rounding of one step of a disc that stays within |z| <= 4, centre and radius together.
_DISC_ROUNDING = 1e-14


@kernel
def known_inside(cr: float, ci: float) -> bool:
    """By a closed form: main cardioid, disc of period 2, real axis, or +-i (preperiodic)."""
    if ci == 0.0:
        return -2.0 <= cr <= 0.25
    if cr == 0.0 and abs(ci) == 1.0:
        return True
    square = ci * ci
    x = cr - 0.25
    q = x * x + square
    return q * (q + x) < 0.25 * square - _MARGIN or (cr + 1.0) * (cr + 1.0) + square < 0.0625 - _MARGIN


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
