"""True pictures of windows that float64 cannot address, around a centre given in decimal digits."""

import math
from fractions import Fraction
from typing import Final

import numpy as np
from flint import fmpz
from numpy.typing import NDArray

from challenge.mandelbrot.coordinates import HALF_WIDTH

Array = NDArray[np.float64]

# Differences and slopes are float64 numbers; squares of the smallest still have to be.
DEEPEST: Final = 900
_ROWS: Final = 16
_GUARD_BITS: Final = 64


def parse(center: tuple[str, str]) -> tuple[Fraction, Fraction]:
    """A centre in decimal digits, exactly.

    Raises:
        ValueError: it is not two finite numbers, or lies further than 2 from the origin.
    """
    try:
        re, im = (Fraction(part.strip()) for part in center)
    except (ValueError, ZeroDivisionError) as error:
        raise ValueError(f"a centre is two decimal numbers, not {center!r}") from error
    if re * re + im * im > 4:
        raise ValueError("there is nothing to see further than 2 from the origin")
    return re, im


def _double(value: fmpz, bits: int) -> float:
    """The double next to value / 2^bits: near 0 too it has all of its digits."""
    spare = max(0, int(value.height_bits()) - 64)
    return math.ldexp(int(value >> spare), spare - bits)


def reference(center: tuple[Fraction, Fraction], octave: float, limit: int) -> NDArray[np.complex128]:
    """The orbit of the centre from 0 until it escapes or has limit steps, computed in FLINT's integers."""
    bits = math.ceil(octave) + limit.bit_length() + _GUARD_BITS
    cr, ci = (fmpz(math.floor(part * (1 << bits))) for part in center)
    zr = zi = fmpz(0)
    orbit = [0j]
    for _ in range(limit):
        rr, ii = zr * zr, zi * zi
        zr, zi = ((rr - ii) >> bits) + cr, (zr * zi >> (bits - 1)) + ci
        z = complex(_double(zr, bits), _double(zi, bits))
        orbit.append(z)
        if z.real * z.real + z.imag * z.imag > 2.0**32:
            break
    return np.array(orbit)


def render(
    center: tuple[str, str], octave: float, pixels: int | tuple[int, int], max_iterations: int = 100_000
) -> Array:
    """Smooth escape counts of a window, +inf where a point does not escape.

    Perturbation with rebasing and bilinear approximation; right to about 1e-6 in the count.

    Args:
        center: real and imaginary part in decimal digits, as many as the octave asks for.
        octave: the window is 4 * 2^-octave wide.
        pixels: of a side of a square, or (height, width).
        max_iterations: steps after which a point counts as inside.

    Returns:
        (height, width), the top row first.

    Raises:
        ValueError: the centre cannot be read, or the octave or a number is out of range.
    """
    height, width = (pixels, pixels) if isinstance(pixels, int) else pixels
    if not 0 <= octave <= DEEPEST:
        raise ValueError(f"octave must lie in 0 .. {DEEPEST}, not {octave}")
    if min(height, width) < 1 or max_iterations < 1:
        raise ValueError("pixels and max_iterations must be at least 1")
    span = 2 * HALF_WIDTH * 2.0**-octave
    real = span * ((np.arange(width) + 0.5) / width - 0.5)
    imaginary = -span / width * (np.arange(height) + 0.5 - height / 2)
    orbit = reference(parse(center), octave, max_iterations)
    return counts(orbit, real[None, :] + 1j * imaginary[:, None], max_iterations)


def counts(orbit: NDArray[np.complex128], differences: NDArray[np.complex128], max_iterations: int) -> Array:
    """Smooth escape counts of the points around a centre, +inf where a point does not escape.

    Args:
        orbit: of the centre, as `reference` gives it.
        differences: (height, width), point minus centre; none is larger than a few times the others.
        max_iterations: steps after which a point counts as inside; the orbit has as many, or escapes before.

    Returns:
        (height, width).
    """
    from challenge.mandelbrot.kernels import perturbation  # noqa: PLC0415 - Numba takes half a second to import
    from challenge.mandelbrot.parallel import share, threads  # noqa: PLC0415 - the same

    reach = 1.01 * float(np.abs(differences).max())
    sizes = [max(len(orbit) - 2, 0)]
    while sizes[-1] > 1:
        sizes.append(sizes[-1] // 2)
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    slope, offset, valid = (np.empty(starts[-1], kind) for kind in (complex, complex, float))
    perturbation.tabulate(orbit, reach, slope, offset, valid, starts)
    mu = np.empty(differences.shape)

    def work(first: int) -> None:
        rows = slice(first, first + _ROWS)
        found = np.empty(differences[rows].size)
        perturbation.follow(
            orbit, slope, offset, valid, starts, differences[rows].ravel(), max_iterations, found
        )
        mu[rows] = found.reshape(differences[rows].shape)

    share(work, range(0, len(differences), _ROWS), threads())
    return mu
