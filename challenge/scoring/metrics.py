"""Skill, octaves, interval, depth, precision and ties (docs/spec.md, section 4)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

RESAMPLES: Final = 2000
CONFIDENCE: Final = 0.95
# The truth itself is exact to 1e-9, so no mean squared error below the square of that means anything.
SMALLEST_MSE: Final = 1e-18


@dataclass(frozen=True)
class Scores:
    """What a model reaches on an evaluation set.

    Attributes:
        skill_by_chain: (chains, octaves), each in [0, 1].
        skill: (octaves,) mean over the chains.
        octaves: the score: the sum of `skill`. Higher is better.
        interval: 95 % bootstrap interval of `octaves` over chains.
        depth: octave at which `skill` first falls below 0.5.
        precision_db: PSNR over the points of octave 0, at most 180.
    """

    skill_by_chain: Array
    skill: Array
    octaves: float
    interval: tuple[float, float]
    depth: float
    precision_db: float

    def figures(self) -> dict[str, Any]:
        """The same as plain numbers and tuples: the fields of these names of any report."""
        return {
            "octaves": self.octaves,
            "interval": self.interval,
            "depth": self.depth,
            "precision_db": self.precision_db,
            "skill": tuple(self.skill.tolist()),
            "skill_by_chain": tuple(tuple(row) for row in self.skill_by_chain.tolist()),
        }


def errors(truth: Array, prediction: Array) -> Array:
    """|p - t| with p clipped to [0, 1]; 1 where p is not finite."""
    finite = np.isfinite(prediction)
    clipped = np.clip(np.where(finite, prediction, 0.0), 0.0, 1.0)
    return np.where(finite, np.abs(clipped - truth), 1.0)


def skill_of_views(truth: Array, prediction: Array) -> Array:
    """max(0, 1 - MSE / Var) over the last axis.

    A view without structure (Var = 0) is explained by an exact answer alone.
    """
    mse = (errors(truth, prediction) ** 2).mean(axis=-1)
    variance = truth.var(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        skill = np.where(variance > 0, 1 - mse / variance, np.where(mse > 0, 0.0, 1.0))
    return np.maximum(skill, 0.0)


def measure(truth: Array, prediction: Array) -> Scores:
    """The scores of predictions.

    Args:
        truth: (chains, octaves, points).
        prediction: the same shape; may hold NaN and infinities.

    Raises:
        ValueError: the shapes differ.
    """
    if truth.ndim != 3 or truth.shape != prediction.shape:
        raise ValueError(f"truth {truth.shape} and prediction {prediction.shape} must be one shape")
    by_chain = skill_of_views(truth, prediction)
    skill = by_chain.mean(axis=0)
    mse = float((errors(truth[:, 0], prediction[:, 0]) ** 2).mean())
    return Scores(
        skill_by_chain=by_chain,
        skill=skill,
        octaves=float(skill.sum()),
        interval=interval(by_chain.sum(axis=1)),
        depth=depth(skill),
        precision_db=float(-10 * np.log10(max(mse, SMALLEST_MSE))),
    )


def depth(skill: Array, threshold: float = 0.5) -> float:
    """The octave at which skill first falls below the threshold, linear between octaves.

    The deepest octave where it never does.
    """
    below = np.flatnonzero(skill < threshold)
    if below.size == 0:
        return float(len(skill) - 1)
    first = int(below[0])
    if first == 0:
        return 0.0
    above, under = skill[first - 1], skill[first]
    return float(first - 1 + (above - threshold) / (above - under))


def resampled_means(values: Array) -> Array:
    """Bootstrap: means over chains of 2,000 seeded resamples; (chains, ...) -> (2000, ...).

    The seed is the same everywhere, so entries with equally many chains are resampled alike and pair up.
    """
    means: Array = _weights(len(values)) @ values
    return means


@lru_cache(maxsize=8)
def _weights(chains: int) -> Array:
    """(2000, chains): how often each resample holds a chain, in shares. Never written to."""
    drawn = np.random.Generator(np.random.Philox(0)).integers(0, chains, (RESAMPLES, chains))
    weights: Array = np.stack([np.bincount(row, minlength=chains) for row in drawn]) / chains
    return weights


def interval(values: Array) -> tuple[float, float]:
    """95 % bootstrap interval of the mean of (chains,) values."""
    low, high = np.quantile(resampled_means(values), _TAILS)
    return float(low), float(high)


_TAILS: Final = ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2)


def paired_interval(a: Array, b: Array) -> tuple[float, float]:
    """95 % interval of the difference of octaves, a - b, chain by chain; (chains, octaves) each."""
    return interval(a.sum(axis=1) - b.sum(axis=1))


def rank_ranges(entries: Sequence[Array]) -> list[tuple[int, int]]:
    """The rank of each entry as a range.

    From 1 + the number of entries that are significantly better, to the number of entries that are not
    significantly worse.

    Args:
        entries: `skill_by_chain` of each, (chains, octaves), all of one season.
    """
    return ranks_of_sums(np.array([entry.sum(axis=1) for entry in entries]))


def ranks_of_sums(sums: Array) -> list[tuple[int, int]]:
    """`rank_ranges` of entries of which only the octaves by chain are known, (entries, chains)."""
    count = len(sums)
    if not count:
        return []
    means = np.ascontiguousarray(resampled_means(sums.T).T)
    order = np.argsort(-means.max(axis=1), kind="stable")
    means = means[order]
    highest, lowest = means.max(axis=1), means.min(axis=1)
    better, worse = np.zeros(count, np.intp), np.zeros(count, np.intp)
    for index, own in enumerate(means):
        # Whose resamples all lie below all of these is worse without a closer look, as most are.
        end = int(np.searchsorted(-highest, -lowest[index], side="right"))
        rest = slice(index + 1, max(end, index + 1))
        wins, losses = _beats(own, means[rest]), _beats(means[rest], own)
        worse[index] += count - rest.stop + wins.sum()
        better[index] += losses.sum()
        better[rest] += wins
        worse[rest] += losses
        better[rest.stop :] += 1
    ranges = [(0, 0)] * count
    for place, entry in enumerate(order):
        ranges[entry] = (1 + int(better[place]), count - int(worse[place]))
    return ranges


def compare_octaves(own: Array, others: Array) -> NDArray[np.int8]:
    """How one entry compares with others by the 95 % interval of the paired difference of octaves.

    Args:
        own: octaves by chain of the one entry, (chains,).
        others: those of the others, (entries, chains).

    Returns:
        For each of the others 1 where the one is significantly better, -1 where it is significantly worse,
        0 where the two are tied.
    """
    found = np.zeros(len(others), np.int8)
    differences = own - others
    # What is better in every chain is better in every resample.
    found[(differences > 0).all(axis=1)] = 1
    found[(differences < 0).all(axis=1)] = -1
    unclear = np.flatnonzero(found == 0)
    zero = np.zeros(RESAMPLES)
    for start in range(0, len(unclear), _CHUNK):
        some = unclear[start : start + _CHUNK]
        means = resampled_means(differences[some].T).T
        found[some] = _beats(means, zero).astype(np.int8) - _beats(zero, means)
    return found


# Entries that are compared at a time: 8 MB of resampled means.
_CHUNK: Final = 512


def _beats(a: Array, b: Array) -> NDArray[np.bool_]:
    """Whether the interval of the differences a - b lies above 0; (n, 2000) against (2000,) or turned round.

    Its lower end lies between two neighbours among the ordered differences: counting tells, unless 0 lies
    between these two.
    """
    before = int(_TAILS[0] * (RESAMPLES - 1))
    positive = np.count_nonzero(a > b, axis=1)
    certain: NDArray[np.bool_] = positive >= RESAMPLES - before
    unclear = positive == RESAMPLES - before - 1
    if unclear.any():
        difference = np.broadcast_to(a - b, (len(unclear), RESAMPLES))[unclear]
        certain[unclear] = np.quantile(difference, _TAILS[0], axis=1) > 0
    return certain
