"""Sums of two doubles (double-double, about 106 bits), without fused multiply-adds.

Knuth's two-sum and Dekker's product: T. J. Dekker, "A floating-point technique for extending the available
precision" (1971).
"""

# mypy: disable-error-code="no-untyped-call, no-any-return"
# Numba says that it is typed, and is not.

from typing import Final

from challenge.targets.kernels import kernel

_SPLIT: Final = 134217729.0  # 2^27 + 1


@kernel
def two_sum(a: float, b: float) -> tuple[float, float]:
    """A + b and its rounding error, exactly."""
    s = a + b
    v = s - a
    return s, (a - (s - v)) + (b - v)


@kernel
def two_product(a: float, b: float) -> tuple[float, float]:
    """A * b and its rounding error, exactly."""
    p = a * b
    t = _SPLIT * a
    a1 = t - (t - a)
    a2 = a - a1
    t = _SPLIT * b
    b1 = t - (t - b)
    b2 = b - b1
    return p, ((a1 * b1 - p) + a1 * b2 + a2 * b1) + a2 * b2


@kernel
def plus(a: tuple[float, float], b: tuple[float, float]) -> tuple[float, float]:
    """The sum, with a relative error near 2^-104."""
    s, e = two_sum(a[0], b[0])
    t, f = two_sum(a[1], b[1])
    s, e = two_sum(s, e + t)
    return two_sum(s, e + f)


@kernel
def times(a: tuple[float, float], b: tuple[float, float]) -> tuple[float, float]:
    """The product, with a relative error near 2^-102."""
    p, e = two_product(a[0], b[0])
    return two_sum(p, e + (a[0] * b[1] + a[1] * b[0]))


@kernel
def minus(a: tuple[float, float]) -> tuple[float, float]:
    """The negative."""
    return -a[0], -a[1]
