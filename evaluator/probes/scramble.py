"""Scramble: are answers still right when the weights are shuffled? Then they are not in the weights.

The judge shuffles the entries of every floating tensor and predicts with them. The answers are compared with
the truth by the squared correlation, in each view that the trained model resolves: a network keeps at most
the smoothest trend, while a formula in the code still knows the set.
"""

from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from challenge.mandelbrot.coordinates import to_unit
from challenge.results.report import ProbeResult
from challenge.results.result_visuals import PlotData, Series
from evaluator.changed_weights.process import WeightChanger
from evaluator.parallel import run_parallel
from evaluator.probes import memory
from evaluator.probes.case import Case, ProbeOutcome, answers_with

Array = NDArray[np.float64]

NAME: Final = "scramble"
REJECTED: Final = 0.6
FLAGGED: Final = 0.5
FIRST_OCTAVE: Final = 2
RESOLVED: Final = 0.3
# A smooth trend may correlate with a single view by chance; over this many views it does not.
FEWEST_VIEWS: Final = 10
# A smaller share of finite answers looks like code that refuses other weights.
ANSWERED: Final = 0.5


@dataclass(frozen=True)
class Sampled:
    """Some points of the views that the trained model resolves.

    Attributes:
        unit: (views, points, 2) unit coordinates.
        truth: (views, points).
        octave: (views,).
        trained: (views, points) what the trained model answered.
    """

    unit: Array
    truth: Array
    octave: NDArray[np.int64]
    trained: Array

    def __len__(self) -> int:
        return len(self.truth)


def sampled(case: Case) -> Sampled:
    """Views from octave 2 on with a skill of at least 0.3: up to `effort.views`, evenly from all octaves."""
    generator = case.season.generator("probe", NAME, "views")
    chains, octaves = np.nonzero(case.skill >= RESOLVED)
    chains, octaves = chains[octaves >= FIRST_OCTAVE], octaves[octaves >= FIRST_OCTAVE]
    # Every octave's views in a random order; then the first of each octave, the second of each, ...
    turn = np.empty(len(octaves), dtype=np.int64)
    for octave in np.unique(octaves):
        here = np.flatnonzero(octaves == octave)
        turn[here] = generator.permutation(len(here))
    chosen = np.sort(np.argsort(turn, kind="stable")[: case.effort.views])
    chains, octaves = chains[chosen], octaves[chosen]
    points = slice(None, case.effort.points)  # already random
    plane = case.views.points[chains, octaves, points]
    return Sampled(
        unit=to_unit(plane.reshape(-1, 2)).reshape(plane.shape),
        truth=case.views.truth[chains, octaves, points],
        octave=octaves,
        trained=case.prediction[chains, octaves, points],
    )


def related(truth: Array, answers: Array) -> Array:
    """(views,) squared correlation of truth and answers (views, points), over the answers that are finite.

    0 if fewer than three are finite, or if either does not vary.
    """
    finite = np.isfinite(answers)
    count = finite.sum(axis=1, keepdims=True)
    safe = np.where(finite, answers, 0.0)
    scaled = safe / np.maximum(np.abs(safe).max(axis=1, keepdims=True), np.finfo(float).tiny)

    def centred(values: Array) -> Array:
        mean = np.where(finite, values, 0.0).sum(axis=1, keepdims=True) / np.maximum(count, 1)
        return np.where(finite, values - mean, 0.0)

    a, b = centred(truth), centred(scaled)
    # Below this the answers differ by rounding alone.
    varies = (np.sqrt((b**2).sum(axis=1)) > 1e-12) & ((a**2).sum(axis=1) > 0) & (count[:, 0] >= 3)
    with np.errstate(divide="ignore", invalid="ignore"):
        squared = (a * b).sum(axis=1) ** 2 / ((a**2).sum(axis=1) * (b**2).sum(axis=1))
    return np.where(varies, squared, 0.0)


def result(by_seed: Array, answered: Array) -> ProbeResult:
    """The verdict.

    Args:
        by_seed: (seeds,) mean squared correlation with the truth; none where too little was resolved.
        answered: (seeds,) share of the answers that were finite.
    """
    if not len(by_seed):
        return ProbeResult(
            NAME,
            0.0,
            REJECTED,
            passed=True,
            flagged=False,
            sentence=f"It resolves fewer than {FEWEST_VIEWS} views below octave 1: too few to tell.",
        )
    figure = float(np.median(by_seed))
    passed = figure <= REJECTED
    doubtful = not figure <= FLAGGED
    silent = not float(np.median(answered)) >= ANSWERED
    sentence = f"With its weights shuffled it still answers with r² = {figure:.2f} to the truth"
    if not passed:
        sentence += (
            f", above {REJECTED:g}: what it knows is not in the weights. It would pass if its answers "
        )
        sentence += "came from what it learned, so that shuffled weights forget them."
    elif doubtful:
        sentence += f", between {FLAGGED:g} and {REJECTED:g}: a person looks at it."
    elif silent:
        sentence = (
            f"With its weights shuffled it gives a number at {np.median(answered):.0%} of the points only: "
        )
        sentence += "it may look at its weights before it answers. A person looks at it."
    else:
        sentence += f"; a formula in the code would stay above {REJECTED:g}."
    return ProbeResult(NAME, figure, REJECTED, passed, passed and (doubtful or silent), sentence)


def plot(octave: NDArray[np.int64], by_view: Array) -> PlotData:
    """Squared correlations (seeds, views), octave by octave: a line a seed."""
    octaves = np.unique(octave)
    series = tuple(
        Series(
            f"shuffled {seed + 1}",
            tuple(map(float, octaves)),
            tuple(float(values[octave == one].mean()) for one in octaves),
        )
        for seed, values in enumerate(by_view)
    )
    lines = (("rejected above", REJECTED), ("flagged above", FLAGGED))
    return PlotData(NAME, "octave", "r² with the truth, weights shuffled", series, lines)


def run(case: Case) -> ProbeOutcome:
    """Predict with shuffled weights, each time in a fresh sandbox."""
    views = sampled(case)
    if len(views) < FEWEST_VIEWS:
        return ProbeOutcome(result(np.empty(0), np.empty(0)), plot(views.octave, np.empty((0, len(views)))))
    unit = views.unit.reshape(-1, 2)
    order = case.season.generator("probe", NAME, "order").permutation(len(unit))

    def ask(changer: WeightChanger, seed: int) -> Array:
        answers = np.empty(len(unit))
        with memory.WEIGHTS.reserve(changer.memory(mixed=False)):
            weights = changer.shuffled(case.season.generator("probe", NAME, seed))
            answers[order] = answers_with(case, weights, unit[order])
        return answers.reshape(views.truth.shape)

    with WeightChanger(case.bundle.weights) as changer:
        jobs = [partial(ask, changer, seed) for seed in range(case.effort.scrambles)]
        answers = list(run_parallel(jobs, case.at_once))
    by_view = np.stack([related(views.truth, one) for one in answers])
    answered = np.array([np.isfinite(one).mean() for one in answers])
    return ProbeOutcome(result(by_view.mean(axis=1), answered), plot(views.octave, by_view))
