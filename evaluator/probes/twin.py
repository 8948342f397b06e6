"""Twin: does `build(2, 1)` learn the Mandelbrot set better than secret warps of it?

The same build is fitted from scratch to the set and to secret smooth warps of it, with the same inputs,
samples, budget and seeds. All of them are equally hard for a general learner. Code that knows the set, in
`build` or in `fit`, learns the real one better.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from challenge.mandelbrot.coordinates import to_plane, to_unit, view_width
from challenge.mandelbrot.target import target
from challenge.results.report import ProbeResult
from challenge.results.result_visuals import PlotData, Series
from challenge.scoring.metrics import skill_of_views
from challenge.scoring.season import Season
from challenge.targets.warp import draw_warp
from evaluator.parallel import run_parallel
from evaluator.probes.case import Case, CodeCase, ProbeOutcome
from evaluator.reference_network import fit_budget

Array = NDArray[np.float64]
Map = Callable[[Array], Array]

NAME: Final = "twin"
MARGIN: Final = 0.1
SAMPLES: Final = 1 << 15
# Octaves of the held-out views: there a short training is far from what a formula reaches.
OCTAVES: Final = 8
CHAINS: Final = 16
POINTS: Final = 128
NEWTON: Final = 60


@dataclass(frozen=True)
class Twin:
    """One thing to be learned.

    Attributes:
        x: (n, 2) inputs; y: (n, 1) targets. Both go to the submission.
        held_x: (octaves, chains, points, 2) held-out inputs, views that follow its border down.
        held_y: (octaves, chains, points); never leaves the judge.
    """

    x: Array
    y: Array
    held_x: Array
    held_y: Array

    def skill(self, answers: Array) -> Array:
        """(octaves,) skill of answers (octaves, chains, points)."""
        by_octave: Array = skill_of_views(self.held_y, answers).mean(axis=1)
        return by_octave


def inverse(warp: Map, unit: Array) -> Array:
    """Where unit points (n, 2) come from: `warp(inverse(warp, unit))` is `unit`.

    By fixed-point iteration, which converges since the Jacobian is within a strength < 1 of the identity.
    """
    found = unit.copy()
    for _ in range(NEWTON):
        found = np.clip(found + unit - warp(found), -1.0, 1.0)
    return found


@lru_cache(maxsize=2)
def twins(season: Season, warps: int, chains: int) -> tuple[Twin, ...]:
    """The Mandelbrot set, then its secret warps.

    Args:
        season: draws the samples, the held-out views and the warps.
        warps: how many.
        chains: of held-out views.
    """
    generator = season.generator("probe", NAME)
    x = generator.uniform(-1, 1, (SAMPLES, 2))
    drawn: list[Map] = [draw_warp(season.generator("probe", NAME, index)) for index in range(warps)]
    return tuple(_twin(warp, x, season, chains) for warp in [_identity, *drawn])


def _identity(unit: Array) -> Array:
    return unit


def _twin(warp: Map, x: Array, season: Season, chains: int) -> Twin:
    from challenge.scoring.evaluation_set import EvaluationSize, evaluation_set  # noqa: PLC0415

    views = evaluation_set(_of_its_own(season), EvaluationSize(chains, OCTAVES, POINTS))
    centres = to_unit(views.centres)
    offsets = to_unit(views.points) - centres[:, :, None]
    moved = inverse(warp, centres.reshape(-1, 2)).reshape(centres.shape)
    room = 1 - np.array([view_width(octave) / 4 for octave in range(OCTAVES)])[:, None]
    moved = np.clip(moved, -room, room)
    held_x = np.ascontiguousarray((moved[:, :, None] + offsets).swapaxes(0, 1))
    return Twin(x, _values(warp, x)[:, None], held_x, _values(warp, held_x))


def _values(warp: Map, unit: Array) -> Array:
    return target(to_plane(warp(unit.reshape(-1, 2)))).reshape(unit.shape[:-1])


def _of_its_own(season: Season) -> Season:
    # Other views than those that are scored: the same code that fits the model sees these.
    return Season("twin", season.generator("probe", NAME, "views").bytes(32))


def result(skills: Array) -> ProbeResult:
    """The verdict on the held-out skill of the real set, then of each warp: (1 + warps,)."""
    margin = float(skills[0] - skills[1:].max())
    passed = margin <= MARGIN
    sentence = (
        f"Fitted from scratch, it reaches a skill of {skills[0]:.2f} on the Mandelbrot set and "
        f"{skills[1:].min():.2f} to {skills[1:].max():.2f} on secret warps of it"
    )
    sentence += (
        "."
        if passed
        else f": better by {margin:.2f}, more than {MARGIN:g}. It would pass if it learned both alike."
    )
    return ProbeResult(NAME, margin, MARGIN, passed, flagged=False, sentence=sentence)


def plot(by_octave: Array) -> PlotData:
    """Skill octave by octave, (1 + warps, octaves)."""
    octaves = tuple(map(float, range(by_octave.shape[1])))
    names = ["Mandelbrot set", *(f"secret warp {index + 1}" for index in range(len(by_octave) - 1))]
    series = tuple(
        Series(name, octaves, tuple(map(float, values)))
        for name, values in zip(names, by_octave, strict=True)
    )
    return PlotData(NAME, "octave", "skill after a short fit", series)


def run(case: Case) -> ProbeOutcome:
    """Fit each in a fresh sandbox, without the submitted weights."""
    return run_code(case.code)


def run_code(case: CodeCase) -> ProbeOutcome:
    """The same, where there is nothing but code."""
    asked = twins(case.season, case.effort.warps, CHAINS)
    allowed = fit_budget(case.effort.steps, 2, 1)

    def fit(twin: Twin) -> Array:
        with case.start() as session:
            session.build(2, 1, 0)
            session.fit(twin.x, twin.y, allowed, 0)
            answers = session.predict(twin.held_x.reshape(-1, 2))[:, 0]
        return twin.skill(answers.reshape(twin.held_y.shape))

    by_octave = np.stack(list(run_parallel([partial(fit, twin) for twin in asked], case.at_once)))
    return ProbeOutcome(result(by_octave.mean(axis=1)), plot(by_octave))
