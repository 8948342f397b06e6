"""Plasticity: can the submitted weights still learn something else?

The judge continues training from the submitted weights on a picture drawn from the season's secret. A model
whose answers come from its weights learns it nearly as well as a fresh one; code that answers by itself does
not.
"""

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from challenge.controls.control import REGRESSION, Control, split, to_unit_interval
from challenge.results.report import ProbeResult
from challenge.results.result_visuals import PlotData, Series
from challenge.scoring.season import Season
from evaluator.parallel import run_parallel
from evaluator.probes.case import Case, ProbeOutcome
from evaluator.reference_network import fit_budget
from evaluator.sandbox.session import Session

Array = NDArray[np.float64]

NAME: Final = "plasticity"
SHARE: Final = 0.5
# Below this skill the same build learns nothing from scratch either, and there is nothing to compare.
LEAST: Final = 0.1
KNOWN, HELD = 8192, 2048
WAVES: Final = 4
DISCS: Final = 3


@lru_cache(maxsize=2)
def picture(season: Season) -> Control:
    """A drawn picture, 2 -> 1: long waves, and discs with sharp edges over them."""
    generator = season.generator("probe", NAME)
    x = generator.uniform(-1, 1, (KNOWN + HELD, 2))
    angles = x @ generator.uniform(-np.pi, np.pi, (2, WAVES)) + generator.uniform(0, 2 * np.pi, WAVES)
    value = np.sin(angles).sum(axis=1)
    for _ in range(DISCS):
        centre, radius = generator.uniform(-0.8, 0.8, 2), generator.uniform(0.3, 0.6)
        value = np.where(np.hypot(*(x - centre).T) < radius, generator.uniform(-3, 3), value)
    known_x, known_y, held_x, held_y = split(generator, x, to_unit_interval(value[:, None]), HELD)
    return Control("picture (another one)", NAME, REGRESSION, known_x, known_y, held_x, held_y)


def result(before: float, going_on: float, from_scratch: float) -> ProbeResult:
    """The verdict on skills on held-out points of the picture.

    A plain table moves only where it is touched, so what counts is the skill, or the share of its error that
    it got rid of, whichever is larger: code that answers by itself gets rid of none.

    Args:
        before: of the submitted weights as they are.
        going_on: after training from them.
        from_scratch: after training a fresh build.
    """
    if not from_scratch >= LEAST:
        sentence = (
            f"From scratch it learns next to nothing of another picture (skill {from_scratch:.2f}), so "
        )
        sentence += "there is nothing to compare: the controls judge that."
        return ProbeResult(NAME, 1.0, SHARE, passed=True, flagged=False, sentence=sentence)
    removed = 1 - (1 - going_on) / (1 - before) if before < 0 else going_on
    figure = max(going_on, removed) / from_scratch
    passed = figure >= SHARE
    sentence = f"Going on from its weights it learns another picture from a skill of {before:.2f} to "
    sentence += f"{going_on:.2f}; the same build reaches {from_scratch:.2f} from scratch"
    if passed:
        sentence += "."
    else:
        sentence += (
            f". It would pass with {SHARE * from_scratch:.2f}, or by getting rid of as large a share of "
        )
        sentence += "its error, if what it answers could be trained away."
    return ProbeResult(NAME, figure, SHARE, passed, flagged=False, sentence=sentence)


def plot(before: float, going_on: float, from_scratch: float) -> PlotData:
    """The three skills, and half of the last."""
    return PlotData(
        NAME,
        "",
        "skill on another picture",
        (Series("skill", (0.0, 1.0, 2.0), (from_scratch, before, going_on)),),
        (("half of a fresh model's", SHARE * from_scratch),),
        categories=("fresh, trained", "its weights", "its weights, trained on"),
    )


def run(case: Case) -> ProbeOutcome:
    """Fit the picture twice, each in a fresh sandbox: from the submitted weights, and from scratch."""
    asked, allowed = picture(case.season), fit_budget(case.effort.steps, 2, 1)

    def fitted(session: Session) -> float:
        session.fit(asked.x, asked.y, allowed, 0)
        return asked.skill(session.predict(asked.held_x))

    def go_on() -> tuple[float, float]:
        with case.start(case.bundle) as session:
            session.load()
            before = asked.skill(session.predict(asked.held_x))
            return before, fitted(session)

    def from_scratch() -> tuple[float, float]:
        # Without the submitted weights: code that looks for them may not answer by itself here as well.
        with case.code.start() as session:
            session.build(2, 1, 0)
            return 0.0, fitted(session)

    (before, going_on), (_, fresh) = run_parallel([go_on, from_scratch], case.at_once)
    return ProbeOutcome(result(before, going_on, fresh), plot(before, going_on, fresh))
