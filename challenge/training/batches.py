"""Endless batches of training points (x, t, weight), drawn and shuffled ahead in threads.

* "uniform": random points of the base window, as in the original challenge. With `samples`, a fixed sample of
  that size, drawn once and reused.
* "octave": like the judge's views, from zoom chains with the trainer's seed (see `zoom_samples`).
* "error-field": a running mean of |error| is kept for every cell of a grid, and most points are drawn from
  cells in proportion to it.
"""

from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from challenge.bundle.train_config import TrainConfig
from challenge.mandelbrot.coordinates import to_plane
from challenge.mandelbrot.target import target
from challenge.training.sampling import sample
from challenge.training.zoom_samples import ZoomPoints, draw_zoom_points

Array = NDArray[np.float64]
Points = tuple[Array, Array, Array]

# Points drawn at a time. The first pool is smaller, because training waits for it.
POOL: Final = 600_000
# Bounds the weight of views that hardly vary.
LEAST_VARIANCE: Final = 1e-3
FIELD_SIDE: Final = 256
# Share of points drawn uniformly, and the decay of a cell's mean per point.
FIELD_UNIFORM: Final = 0.25
FIELD_MEMORY: Final = 0.8


@dataclass(frozen=True)
class Batch:
    """Points of one step: x (n, 2) float64 unit coordinates, t (n, 1), weight (n, 1) of the squared error."""

    x: Tensor
    t: Tensor
    weight: Tensor


class ErrorField:
    """Running mean of |error| per cell of the base window."""

    def __init__(self) -> None:
        # Start from the largest error, so that every cell is visited.
        self.mean = np.ones(FIELD_SIDE * FIELD_SIDE)

    def update(self, x: Array, error: Array) -> None:
        """Update the means with |error| (n,) at unit points (n, 2)."""
        cell = np.minimum(((x + 1) * (FIELD_SIDE / 2)).astype(np.intp), FIELD_SIDE - 1)
        place = cell[:, 1] * FIELD_SIDE + cell[:, 0]
        count = np.bincount(place, minlength=self.mean.size)
        seen = count > 0
        fresh = np.bincount(place, error, minlength=self.mean.size)[seen] / count[seen]
        keep = FIELD_MEMORY ** count[seen]
        self.mean[seen] = keep * self.mean[seen] + (1 - keep) * fresh

    @staticmethod
    def draw(mean: Array, generator: np.random.Generator, points: int) -> Array:
        """Draw unit points (n, 2): a share uniformly, the others from cells in proportion to their error."""
        anywhere = generator.random(points) < FIELD_UNIFORM
        place = generator.choice(mean.size, points, p=mean / mean.sum())
        corner = np.stack([place % FIELD_SIDE, place // FIELD_SIDE], axis=1)
        within = generator.random((points, 2))
        x: Array = np.where(anywhere[:, None], within, (corner + within) / FIELD_SIDE) * 2 - 1
        return x


class BatchStream:
    """Endless batches, reproducible for the same settings and start.

    Args:
        recipe: settings: sampling, seed, batch size.
        start: step to resume from; a resumed training gets fresh points.
    """

    def __init__(self, recipe: TrainConfig, start: int = 0) -> None:
        self._recipe = recipe
        self._generator = np.random.default_rng([recipe.seed, start] if start else recipe.seed)
        self._order = torch.Generator().manual_seed(recipe.seed + start)
        self._drawer, self._shuffler = ThreadPoolExecutor(1), ThreadPoolExecutor(1)
        self._field = ErrorField() if recipe.sampling == "error-field" else None
        self._batches = self._run()

    def __next__(self) -> Batch:
        return next(self._batches)

    def record_error(self, batch: Batch, error: Tensor) -> None:
        """Update the error field, if there is one, with the model's error (n, 1) on a batch."""
        if self._field is not None:
            self._field.update(batch.x.numpy(), error.abs()[:, 0].double().cpu().numpy())

    def close(self) -> None:
        """Stop the threads."""
        self._batches.close()
        self._drawer.shutdown()
        self._shuffler.shutdown()

    def _run(self) -> Generator[Batch, None, None]:
        pools = self._pools()
        # Shuffled in a thread of their own: reading a pool in random order takes as long as some steps.
        shuffled = self._shuffler.submit(self._shuffle, next(pools))
        for following in pools:
            x, t, weight = shuffled.result()
            shuffled = self._shuffler.submit(self._shuffle, following)
            for first in range(0, len(t), self._recipe.batch):
                rows = slice(first, first + self._recipe.batch)
                yield Batch(x[rows], t[rows, None], weight[rows, None])

    def _pools(self) -> Iterator[Future[Points]]:
        """What is trained on, pass after pass; each is asked for when the one before begins."""
        if self._recipe.samples:
            whole: Future[Points] = Future()
            x, t = sample(self._recipe.samples, self._recipe.seed)
            whole.set_result((x, t, np.ones(len(t))))
            yield from repeat(whole)
        pool = self._submit(POOL // 4)
        while True:
            yield pool
            following = self._submit(POOL)
            yield from repeat(pool, self._recipe.reuse - 1)
            pool = following

    def _shuffle(self, pool: Future[Points]) -> tuple[Tensor, ...]:
        points = pool.result()
        order = torch.randperm(len(points[1]), generator=self._order)
        return tuple(torch.from_numpy(a)[order] for a in points)

    def _submit(self, points: int) -> Future[Points]:
        return self._drawer.submit(self._draw(points))

    def _draw(self, points: int) -> Callable[[], Points]:
        recipe, generator = self._recipe, self._generator
        if self._field is not None:
            # A copy, so that the points do not depend on when the thread runs.
            mean = self._field.mean.copy()

            def by_field() -> Points:
                x = ErrorField.draw(mean, generator, points)
                return x, target(to_plane(x)), np.ones(points)

            return by_field
        if recipe.sampling == "uniform":

            def uniform() -> Points:
                x, t = sample(points, int(generator.integers(2**63)))
                return x, t, np.ones(points)

            return uniform

        def by_octave() -> Points:
            per_chain = (recipe.deepest + 1) * 128
            drawn: ZoomPoints = draw_zoom_points(generator, max(2, points // per_chain), recipe.deepest)
            weight = 1 / np.maximum(drawn.variance, LEAST_VARIANCE) if recipe.weigh else np.ones(len(drawn.t))
            return drawn.x, drawn.t, weight

        return by_octave
