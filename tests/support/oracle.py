"""Counts by gmpy2 in hundreds of bits: shares no code with what it checks."""

import math

import gmpy2


def count(re, im, limit, bits=300):
    """The smooth escape count of a plane point, given as floats or decimal strings."""
    with gmpy2.context(precision=bits):
        c = gmpy2.mpc(gmpy2.mpfr(re), gmpy2.mpfr(im))
        z = gmpy2.mpc(0)
        bailout = gmpy2.mpfr(2) ** 32
        for n in range(1, limit + 1):
            z = z * z + c
            squared = gmpy2.norm(z)
            if squared > bailout:
                return float(n + 1 - gmpy2.log2(gmpy2.log2(squared) / 2))
    return math.inf


def target(mu):
    m = max(mu, 0.0)
    return 1.0 if math.isinf(m) else m / (m + 50.0)
