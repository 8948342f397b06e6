"""Random samples of the target: what a participant trains on."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from challenge.mandelbrot.coordinates import to_plane
from challenge.mandelbrot.target import SQUASH, escape_count

Array = NDArray[np.float64]

# Points drawn and computed at a time: the slow last points of a piece are few beside it, and memory is
# bounded.
_PIECE = 1 << 20


def _fill(generator: np.random.Generator, x: Array, t: Array) -> None:
    generator.random(out=x)
    x *= 2.0
    x -= 1.0
    mu = escape_count(to_plane(x))
    # The squash, without a copy: 1 - 50 / (m + 50) is 1 where m is infinite.
    np.maximum(mu, 0.0, out=mu)
    inside = np.isinf(mu)
    np.divide(mu, mu + SQUASH, out=t, where=~inside)
    t[inside] = 1.0


def stream(batch: int, seed: int | None = None) -> Iterator[tuple[Array, Array]]:
    """Batches without end, for training on points never seen twice: x (batch, 2) unit, t (batch,).

    Raises:
        ValueError: batch is below 1.
    """
    if batch < 1:
        raise ValueError(f"a batch has at least 1 point, not {batch}")
    generator = np.random.default_rng(seed)
    while True:
        x, t = np.empty((batch, 2)), np.empty(batch)
        for first in range(0, batch, _PIECE):
            _fill(generator, x[first : first + _PIECE], t[first : first + _PIECE])
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
    return next(stream(n, seed))
