"""The only rule, first half: the same `build`, fitted from scratch to controls (docs/spec.md, section 6)."""

import platform
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from challenge.controls import FAMILIES, Control, draw, draws
from challenge.controls.control import line_skill
from challenge.controls.fit_visuals import evidence, grid
from challenge.results.formatting import distinct_decimals
from challenge.results.report import ControlResult, Universality
from challenge.results.result_visuals import ControlFit
from challenge.scoring.season import PRACTICE, Season
from challenge.training.refit import Budget, train
from challenge.util import cache
from evaluator.sandbox.session import Session

Array = NDArray[np.float64]

STEPS: Final = 500
# Enough to tell how long the reference takes, where its skill is known.
TIMED_STEPS: Final = 25
# What a test season asks for: it is small in everything.
SMALL: Final = ("curve", "drawing", "surface", "digits")
WIDTH: Final = 128
HIDDEN_LAYERS: Final = 3
REFITS: Final = 3
# A draw that the reference network cannot learn says nothing about a submission.
LEARNABLE: Final = 0.3
DRAWS: Final = 12
# A custom fit may take ten times what the reference takes, and never less than this.
FIT_SECONDS: Final = 10.0
FIT_FACTOR: Final = 10.0


@dataclass(frozen=True)
class Bar:
    """A control, and what the reference network reached on it."""

    control: Control
    reference: float
    seconds: float

    @property
    def height(self) -> float:
        """The skill that a submission must reach: half of the reference's."""
        return self.reference / 2

    @property
    def budget(self) -> Budget:
        """What a fit of this control may take: steps for the platform's trainer, seconds for a custom one."""
        return Budget(STEPS, max(FIT_SECONDS, FIT_FACTOR * self.seconds), self.control.task)


def reference_network(in_features: int, out_features: int) -> nn.Module:
    """Three hidden layers of 128, GELU."""
    layers: list[nn.Module] = []
    width = in_features
    for _ in range(HIDDEN_LAYERS):
        layers += [nn.Linear(width, WIDTH), nn.GELU()]
        width = WIDTH
    return nn.Sequential(*layers, nn.Linear(width, out_features))


def reference_skill(control: Control, steps: int = STEPS) -> tuple[float, float]:
    """Held-out skill of the reference network, fitted here by the platform's trainer, and its seconds."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = reference_network(control.in_features, control.out_features)
        began = time.perf_counter()
        train(
            network,
            torch.from_numpy(control.x),
            torch.from_numpy(control.y),
            Budget(steps, task=control.task),
        )
        seconds = time.perf_counter() - began
        network.eval()
        with torch.inference_mode():
            prediction = network(torch.from_numpy(control.held_x).float()).double().numpy()
    return control.skill(prediction), seconds


@dataclass(frozen=True)
class Certified:
    """The certificate, and what people are shown of each of its controls."""

    result: Universality
    shown: tuple[ControlFit, ...]


@lru_cache(maxsize=4)
def bars(season: Season, families: tuple[str, ...] = tuple(FAMILIES)) -> tuple[Bar, ...]:
    """One control of each family, each with its bar; the same for every submission of the season.

    A draw that the reference cannot learn, or that a line passes, is drawn again.

    Raises:
        RuntimeError: a family gave no usable draw.
    """
    return tuple(_usable(season, family) for family in families)


def _usable(season: Season, family: str) -> Bar:
    if season != PRACTICE:
        # Hidden bars stay in memory: whoever reads them knows what a submission will be asked.
        return _measured(season, family)[1]

    def measure() -> list[Array]:
        attempt, bar = _measured(season, family)
        return [np.array([attempt, bar.reference])]

    attempt, reference = cache.cached_arrays(_place(family), ("bar",), measure)[0].tolist()
    control = draw(season, family, int(attempt))
    # Seconds are of the hour: the machine may have been busy when the bar was measured.
    return Bar(control, reference, STEPS / TIMED_STEPS * reference_skill(control, TIMED_STEPS)[1])


def _measured(season: Season, family: str) -> tuple[int, Bar]:
    """The first usable draw: its number, and its bar."""
    for attempt, control in enumerate(islice(draws(season, family), DRAWS)):
        line = line_skill(control)
        # A line at half of the best possible skill is above any bar: no need to ask the reference.
        if not control.line_may_pass and line >= 0.5:
            continue
        reference, seconds = reference_skill(control)
        if reference >= LEARNABLE and (control.line_may_pass or line < reference / 2):
            return attempt, Bar(control, reference, seconds)
    raise RuntimeError(f"no usable control among {DRAWS} draws of the family {family!r}")


def _place(family: str) -> Path:
    """Where a bar of the practice season is kept: it depends on the machine, on torch and on packages."""
    return cache.cache_path(
        f"bar-{family.replace(' ', '-')}",
        PRACTICE.commitment,
        [(name, version(name)) for name in ("torch", "scikit-learn", "mlxtend")],
        (platform.node(), torch.get_num_threads()),
        modules=["challenge.controls", "challenge.training.refit"],
        files=[Path(__file__)],
    )


def certify(
    start: Callable[[], AbstractContextManager[Session]],
    season: Season,
    progress: Callable[[float, str], None],
    families: Iterable[str] = tuple(FAMILIES),
) -> Certified:
    """Fit the submission's `build` to every control of the season, each in a fresh sandbox.

    Args:
        start: opens a fresh sandbox for the submission.
        season: where the controls come from.
        progress: told the share that is done and what is being fitted.
        families: of these, one control each.

    Raises:
        EvaluationError: the submission could not be judged.
    """
    results, shown = [], []
    asked = bars(season, tuple(families))
    for index, bar in enumerate(asked):
        progress(index / len(asked), f"fitting {bar.control.name}")
        result, seen = certify_one(start, bar)
        results.append(result)
        shown.append(seen)
    certificate = Universality(
        passed=all(result.passed for result in results),
        score=sum(min(1.0, max(0.0, result.skill / result.reference)) for result in results) / len(results),
        controls=tuple(results),
    )
    return Certified(certificate, tuple(shown))


def certify_one(
    start: Callable[[], AbstractContextManager[Session]], bar: Bar
) -> tuple[ControlResult, ControlFit]:
    """Fit one control, again with another seed only while the bar is not reached."""
    control = bar.control
    refits = list[float]()
    answers = list[tuple[Array, Array]]()
    for seed in range(REFITS):
        with start() as session:
            session.build(control.in_features, control.out_features, seed)
            session.fit(control.x, control.y, bar.budget, seed)
            answers.append((session.predict(control.held_x), session.predict(grid(control))))
        refits.append(control.skill(answers[-1][0]))
        if refits[-1] >= bar.height:
            break
    result = ControlResult(
        name=control.name,
        family=control.family,
        in_features=control.in_features,
        out_features=control.out_features,
        task=control.task,
        skill=refits[0],
        refits=tuple(refits),
        reference=bar.reference,
        bar=bar.height,
        passed=refits[-1] >= bar.height,
    )
    # People see the best refit: it passed, or it is as near as the submission came.
    return result, evidence(control, *answers[int(np.argmax(refits))])


def explain(result: ControlResult) -> str:
    """One sentence for people on a control: its figures, and for a failed one what would make it pass."""
    what = f"Control {result.name}, {result.in_features} -> {result.out_features}"
    best, bar = distinct_decimals(result.best, result.bar)
    if result.passed:
        return f"{what}: skill {best}, the bar is {bar}."
    return (
        f"{what}: skill {best} at best in {len(result.refits)} refits; it passes with {bar} after {STEPS} "
        "steps, or in the time that a fit of its own is given: half of what a plain network reaches."
    )
