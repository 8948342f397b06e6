"""Random samples of the target, to train on."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from challenge.mandelbrot.coordinates import to_plane
from challenge.mandelbrot.target import SQUASH, escape_count

Array = NDArray[np.float64]

# Points computed at a time: bounds the memory, and is large enough that the slowest points of a chunk, during
# which other threads idle, do not matter.
_CHUNK = 1 << 20


def _fill(generator: np.random.Generator, x: Array, t: Array) -> None:
    generator.random(out=x)
    x *= 2.0
    x -= 1.0
    mu = escape_count(to_plane(x))
    # The squash m / (m + 50) in place; it is 1 where m is infinite.
    np.maximum(mu, 0.0, out=mu)
    inside = np.isinf(mu)
    np.divide(mu, mu + SQUASH, out=t, where=~inside)
    t[inside] = 1.0


def sample_batches(batch: int, seed: int | None = None) -> Iterator[tuple[Array, Array]]:
    """Endless batches of fresh points: x (batch, 2) unit coordinates, t (batch,) target.

    Raises:
        ValueError: batch is below 1.
    """
    if batch < 1:
        raise ValueError(f"a batch has at least 1 point, not {batch}")
    generator = np.random.default_rng(seed)
    while True:
        x, t = np.empty((batch, 2)), np.empty(batch)
        for first in range(0, batch, _CHUNK):
            _fill(generator, x[first : first + _CHUNK], t[first : first + _CHUNK])
        yield x, t


def sample(n: int, seed: int | None = None) -> tuple[Array, Array]:
    """Uniform random points of the base window.

    Returns:
        x: (n, 2) unit coordinates in [-1, 1]; t: (n,) the target there.

    Raises:
        ValueError: n is below 1.
    """
    if n < 1:
        raise ValueError(f"n must be at least 1, not {n}")
    return next(sample_batches(n, seed))
