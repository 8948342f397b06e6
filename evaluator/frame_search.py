"""Why is it 0? Tries the inputs and outputs of other frames on a few thousand points of the practice season.

It decides no verdict. It tells the author of a model that scores less than any trained model does.
"""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from challenge.mandelbrot.coordinates import to_unit
from challenge.results.frame_suggestion import FrameSuggestion
from challenge.scoring.evaluation_set import EvaluationSet, EvaluationSize
from challenge.scoring.frames import Frame, known_frames
from challenge.scoring.metrics import measure
from challenge.scoring.practice import practice_set

Array = NDArray[np.float64]
Ask = Callable[[Array], Array]

# Every trained model explains more than this of octaves 0 to 3.
EXPECTED_SKILL: Final = 0.85
FIRST_OCTAVES: Final = 4
# What a finding has to add before it is shown.
GAIN: Final = 0.25
# And to reach: a scale fitted on the points lends up to 1.5 octaves to a model that knows nothing.
LEAST: Final = 1.0
LEAST_RECOLOURED: Final = 2.5
SIZE: Final = EvaluationSize(chains=8, octaves=12, points=64)
FIT_POINTS: Final = 500
SAMPLE: Final = 1000
# Answers beyond this are no scale of the target's, and their differences may overflow.
LARGEST: Final = 1e100


def is_suspicious(skill: Sequence[float] | Array) -> bool:
    """Whether the first octaves are below what any trained model reaches. Takes the skill by octave."""
    return bool(np.mean(skill[:FIRST_OCTAVES]) < EXPECTED_SKILL)


def find_frame(ask: Ask) -> FrameSuggestion | None:
    """Look for a frame in which a model does better than in ours; None without a reason or a frame.

    Args:
        ask: the model: inputs (n, 2) to outputs (n,).
    """
    views = practice_set(SIZE)

    def bounded(inputs: Array) -> Array:
        answers = ask(inputs)
        return np.where(np.abs(answers) < LARGEST, answers, np.nan)

    before = _octaves(views, bounded(_unit(views)))
    if not is_suspicious(before):
        return None
    first = to_unit(views.points[:, :FIRST_OCTAVES].reshape(-1, 2))
    truth = views.truth[:, :FIRST_OCTAVES].reshape(-1)
    some = np.random.default_rng(0).permutation(len(first))[:SAMPLE]
    frames: list[Frame | None] = [None, *known_frames().values()]
    rated = []
    for frame in frames:
        answers = bounded(_inputs(frame, first[some]))
        rated.append(max(_correlation(answers, truth[some]), _correlation(1 - answers, truth[some])))
    best = frames[int(np.argmax(rated))]
    return _explain(bounded, views, best, float(before.sum()))


def _explain(ask: Ask, views: EvaluationSet, frame: Frame | None, before: float) -> FrameSuggestion | None:
    """The least change of the outputs that does, in the frame that fits best."""
    answers = ask(_inputs(frame, _unit(views)))
    name = frame.name if frame is not None else ""
    found = [
        FrameSuggestion(
            name, inverted, recoloured=False, octaves=float(_octaves(views, made).sum()), before=before
        )
        for inverted, made in ((False, answers), (True, 1 - answers))
        if frame is not None or inverted
    ]
    matched, inverted = _matched(answers, views)
    recoloured = float(_octaves(views, matched).sum())
    best = max(found, key=lambda one: one.octaves, default=None)
    if best is None or recoloured > best.octaves + 2 * GAIN:
        best = FrameSuggestion(name, inverted, recoloured=True, octaves=recoloured, before=before)
    least = LEAST_RECOLOURED if best.recoloured else LEAST
    return best if best.octaves > max(before + GAIN, least) else None


def _unit(views: EvaluationSet) -> Array:
    return to_unit(views.points.reshape(-1, 2))


def _inputs(frame: Frame | None, unit: Array) -> Array:
    return unit if frame is None else frame.inputs(unit)


def _octaves(views: EvaluationSet, answers: Array) -> Array:
    """Skill by octave."""
    skill: Array = measure(views.truth, answers.reshape(views.truth.shape)).skill_by_chain.mean(axis=0)
    return skill


def _correlation(answers: Array, truth: Array) -> float:
    """Rank correlation: high for any monotone scale of the outputs."""
    finite = np.isfinite(answers)
    if finite.sum() < 2 or np.ptp(answers[finite]) == 0:
        return 0.0
    ranks = [np.argsort(np.argsort(values[finite])) for values in (answers, truth)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def _matched(answers: Array, views: EvaluationSet) -> tuple[Array, bool]:
    """Outputs under the monotone map that fits the truth best on a few points; and whether that falls."""
    truth = views.truth.reshape(-1)
    finite = np.flatnonzero(np.isfinite(answers))
    some = np.random.default_rng(1).permutation(finite)[:FIT_POINTS]
    if len(some) < 2:
        return answers, False
    falling = _correlation(answers[some], truth[some]) < 0
    sign = -1.0 if falling else 1.0
    at, values = _rising(sign * answers[some], truth[some])
    matched = np.full(len(answers), np.nan)
    matched[finite] = np.interp(sign * answers[finite], at, values)
    return matched, falling


def _rising(x: Array, y: Array) -> tuple[Array, Array]:
    """The function that never falls and fits y (n,) at x (n,) best: its values at the places of x, ascending.

    Isotonic least squares by pooling adjacent violators.
    """
    at, place, counts = np.unique(x, return_inverse=True, return_counts=True)
    pools = list[tuple[float, int, int]]()
    for mean, count in zip(np.bincount(place, y) / counts, counts.tolist(), strict=True):
        value, weight, places = float(mean), count, 1
        while pools and pools[-1][0] >= value:
            before, other, more = pools.pop()
            value = (value * weight + before * other) / (weight + other)
            weight, places = weight + other, places + more
        pools.append((value, weight, places))
    return at, np.repeat([value for value, _, _ in pools], [places for _, _, places in pools])
