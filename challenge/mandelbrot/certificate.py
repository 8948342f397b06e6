"""Proofs of the target at single points, in ball arithmetic: an interval that holds t, whatever was rounded.

FLINT's `acb` and `arb` numbers are balls that hold the exact result of every operation (F. Johansson, "Arb:
efficient arbitrary-precision midpoint-radius interval arithmetic", 2017). Iterating balls alone would widen
them by up to sqrt(2) a step more than the orbit does; so each step squares the ball's midpoint, and the error
is carried by the mean value form: with |z - m| <= e, and m' the midpoint of the ball m^2 + c,

    |z' - m'| <= (2 |m| + e) e + the ball's radius.

It shares no code with the generator, and takes milliseconds to seconds a point.
"""

import math
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final

from flint import acb, arb, ctx

SQUASH: Final = 50
# Half the width that an interval may have.
PRECISION: Final = 5e-13
_FIRST_BITS: Final = 128
_MOST_BITS: Final = 1 << 17
# FLINT's precision belongs to the process, not to a thread.
_PRECISION_OF_FLINT: Final = Lock()


@dataclass(frozen=True)
class Certificate:
    """What is proved of a point: low <= t <= high; both are 1 where it does not escape within the limit.

    Attributes:
        low: lower end, rounded down.
        high: upper end, rounded up.
        steps: how many the orbit takes to its escape, or the limit.
        bits: in which it was proved.
    """

    low: float
    high: float
    steps: int
    bits: int

    def holds(self, t: float, tolerance: float = 1e-9) -> bool:
        """Whether t lies within the tolerance of every number of the interval; False for NaN."""
        return self.high - tolerance <= t <= self.low + tolerance


def prove(re: float, im: float, limit: int) -> Certificate:
    """Prove an interval of at most 1e-12 around the target of a plane point.

    Args:
        re: its real part, exactly this double.
        im: its imaginary part.
        limit: steps after which a point counts as inside.

    Raises:
        ArithmeticError: 131,072 bits do not decide the point; no double is known that needs so many.
    """
    bits = _FIRST_BITS
    while bits <= _MOST_BITS:
        with _PRECISION_OF_FLINT:
            before, ctx.prec = ctx.prec, bits
            try:
                found = _attempt(acb(re, im), limit)
            finally:
                ctx.prec = before
        if found is not None:
            low, high, steps = found
            return Certificate(low, high, steps, bits)
        bits *= 2
    raise ArithmeticError(f"{_MOST_BITS} bits do not decide the point {re!r}, {im!r}")


def _attempt(c: Any, limit: int) -> tuple[float, float, int] | None:
    bailout = arb(2) ** 16
    z, error = acb(0), arb(0)
    for n in range(1, limit + 1):
        ball = z * z + c
        middle = ball.mid()
        error = ((2 * abs(z) + error) * error + abs(ball - middle)).upper()
        z = middle
        size = abs(z)
        if size + error <= bailout:
            continue
        if not size - error > bailout:
            return None
        log_size = (size + arb(0, 1) * error).log() / arb.const_log2()
        mu = n + 1 - log_size.log() / arb.const_log2()
        m = mu.max(arb(0))
        t = m / (m + SQUASH)
        low, high = _down(t), _up(t)
        return (low, high, n) if high - low <= 2 * PRECISION else None
    return 1.0, 1.0, limit


def _down(x: Any) -> float:
    """A double that is not above any number of the ball."""
    return math.nextafter(float(x.lower()), -math.inf)


def _up(x: Any) -> float:
    """A double that is not below any number of the ball."""
    return math.nextafter(float(x.upper()), math.inf)
