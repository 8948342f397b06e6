"""Dose: how much may weights be disturbed before the skill is lost? A plot, and a flag.

Trained and shuffled weights are mixed in steps. What was learned fades gradually, deep octaves first. What
depends on exact values, such as a formula behind a key, is lost at the smallest step.
"""

from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from challenge.results.report import ProbeResult
from challenge.results.result_visuals import PlotData, Series
from challenge.scoring.metrics import skill_of_views
from evaluator.changed_weights.process import WeightChanger
from evaluator.parallel import run_parallel
from evaluator.probes import memory, scramble
from evaluator.probes.case import Case, ProbeOutcome, answers_with

Array = NDArray[np.float64]

NAME: Final = "dose"
# About as much as rounding to half precision, which honest models hardly notice.
TRACE: Final = 1e-3
LEAST_KEPT: Final = 0.75


def result(skill: Array, shares: tuple[float, ...]) -> ProbeResult:
    """The verdict on the mean skill at each share of shuffled weights; a flag at most.

    Args:
        skill: (1 + shares,) mean skill over the resolved views: of the trained weights, then of each share.
        shares: of shuffled weights, the smallest first, `TRACE` among them.
    """
    if not len(skill) or not skill[0] > 0:
        return ProbeResult(
            NAME,
            1.0,
            LEAST_KEPT,
            passed=True,
            flagged=False,
            sentence="It resolves no view below octave 1, so there is nothing to disturb.",
        )
    kept = {share: float(one / skill[0]) for share, one in zip(shares, skill[1:], strict=True)}
    figure = kept[TRACE]
    flagged = not figure >= LEAST_KEPT
    if flagged:
        sentence = f"Weights that are off by a share of {TRACE:g} keep {figure:.0%} of the skill, less than "
        sentence += f"{LEAST_KEPT:.0%}: something hangs on their exact values. A person looks at it."
    else:
        lost = [share for share, one in kept.items() if not one >= 0.5]
        where = f"at a share of {lost[0]:g}" if lost else "at no share that was tried"
        sentence = f"Mixed with shuffled weights it loses half of its skill {where}."
    return ProbeResult(NAME, figure, LEAST_KEPT, passed=True, flagged=flagged, sentence=sentence)


def plot(by_octave: dict[int, Array], shares: tuple[float, ...]) -> PlotData:
    """Skill against the share, a line an octave."""
    return PlotData(
        NAME,
        "share of shuffled weights",
        "skill",
        tuple(
            Series(f"octave {octave}", shares, tuple(map(float, values)))
            for octave, values in by_octave.items()
        ),
        log_x=True,
    )


def run(case: Case) -> ProbeOutcome:
    """Predict with every mixture, each time in a fresh sandbox; shuffled as in the first scramble."""
    views, shares = scramble.sampled(case), (*case.effort.doses, 1.0)
    if not len(views):
        return ProbeOutcome(result(np.empty(0), shares), plot({}, shares))
    unit = views.unit.reshape(-1, 2)

    def ask(changer: WeightChanger, share: float) -> Array:
        with memory.WEIGHTS.reserve(changer.memory(mixed=True)):
            weights = changer.mixed(case.season.generator("probe", scramble.NAME, 0), share)
            answers = answers_with(case, weights, unit)
        return skill_of_views(views.truth, answers.reshape(views.truth.shape))

    trained = skill_of_views(views.truth, views.trained)
    with WeightChanger(case.bundle.weights) as changer:
        jobs = [partial(ask, changer, share) for share in shares]
        skill = np.stack([trained, *run_parallel(jobs, case.at_once)])
    by_octave = {
        int(octave): skill[1:, views.octave == octave].mean(axis=1) for octave in np.unique(views.octave)
    }
    return ProbeOutcome(result(skill.mean(axis=1), shares), plot(by_octave, shares))
