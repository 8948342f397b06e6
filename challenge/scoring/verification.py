"""Checks of a season that has ended: a digest of its evaluation set, and proofs of the truth."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from challenge.mandelbrot.certificate import Certificate, prove
from challenge.mandelbrot.target import MAX_ITERATIONS
from challenge.scoring.chains import Views
from challenge.scoring.season import Season

POINTS: Final = 200


@dataclass(frozen=True)
class ProvedPoint:
    """One point of an evaluation set: its truth, and what ball arithmetic proves there.

    Attributes:
        place: (chain, octave, number in the view).
        point: real and imaginary part.
        truth: of the evaluation set.
        certificate: the interval that holds the exact value.
    """

    place: tuple[int, int, int]
    point: tuple[float, float]
    truth: float
    certificate: Certificate

    @property
    def holds(self) -> bool:
        """Whether the truth is within 1e-9 of the exact value, as the specification demands."""
        return self.certificate.holds(self.truth)

    @property
    def gap(self) -> float:
        """The largest distance between the truth and a number of the interval."""
        return max(abs(self.truth - self.certificate.low), abs(self.truth - self.certificate.high))


def points_digest(views: Views) -> str:
    """SHA-256 of the shape and all points of a set, in hex: the points derive from the secret alone.

    The truth has no digest: it is exact to 1e-9, and two versions of the generator may differ below that.
    """
    points = np.ascontiguousarray(views.points, dtype="<f8")
    return hashlib.sha256(repr(points.shape).encode() + points.tobytes()).hexdigest()


def proved_points(
    season: Season, views: Views, count: int = POINTS, progress: Callable[[int], None] = lambda _: None
) -> list[ProvedPoint]:
    """Prove the target at random points of a season's set, the same for everybody.

    Args:
        season: whose secret chooses the points.
        views: its evaluation set.
        count: points, at most all of them.
        progress: called with the number of points proved so far.
    """
    chosen = season.generator("certificates").permutation(views.truth.size)[:count]
    found = []
    for flat in chosen:
        chain, octave, number = (int(part) for part in np.unravel_index(flat, views.truth.shape))
        re, im = (float(part) for part in views.points[chain, octave, number])
        certificate = prove(re, im, MAX_ITERATIONS)
        truth = float(views.truth[chain, octave, number])
        found.append(ProvedPoint((chain, octave, number), (re, im), truth, certificate))
        progress(len(found))
    return found
