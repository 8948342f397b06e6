"""The reference network: what it reaches on a season's controls sets the bars that submissions must clear.

docs/spec.md, section 6: three hidden layers of 128 units with GELU, fitted by the platform's trainer.
"""

import platform
import threading
from collections.abc import Iterable
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
from challenge.scoring.season import PRACTICE, Season
from challenge.training.refit import REGRESSION, Budget, train
from challenge.util import cache
from evaluator.calibration import one_thread, quickest_step

Array = NDArray[np.float64]

CONTROL_STEPS: Final = 500
# Steps of which the quickest tells how fast this machine is.
TIMED_STEPS: Final = 40
BATCH: Final = 512
WIDTH: Final = 128
HIDDEN_LAYERS: Final = 3
# A draw that the reference network cannot learn says nothing about a submission.
LEARNABLE: Final = 0.3
DRAWS: Final = 12
_MEASURING: Final = threading.RLock()
# A submission's own fit may take ten times what the reference takes, and never less than this.
FIT_SECONDS: Final = 10.0
FIT_FACTOR: Final = 10.0


@dataclass(frozen=True)
class Bar:
    """A control, and what the reference network reached on it.

    Attributes:
        reference: held-out skill of the reference network.
    """

    control: Control
    reference: float

    @property
    def height(self) -> float:
        """The skill that a submission must reach: half of the reference's."""
        return self.reference / 2

    @property
    def budget(self) -> Budget:
        """What a fit of this control may take: steps for the platform's trainer, seconds for a custom one."""
        return fit_budget(
            CONTROL_STEPS, self.control.in_features, self.control.out_features, self.control.task
        )


def fit_budget(steps: int, in_features: int, out_features: int, task: str = REGRESSION) -> Budget:
    """The budget of a fit: `steps` for the platform's trainer, seconds for a submission's own.

    The seconds are ten times what the reference network takes for as many steps of this shape, and at least
    ten. They depend on the machine's speed, not on what else it does meanwhile.
    """
    reference = steps * _step_seconds(in_features, out_features)
    return Budget(steps, max(FIT_SECONDS, FIT_FACTOR * reference), task)


@lru_cache(maxsize=64)
def _step_seconds(in_features: int, out_features: int) -> float:
    """Seconds of the reference network's training step on this machine, in one thread."""
    network = reference_network(in_features, out_features)
    return quickest_step(network, torch.zeros(BATCH, in_features), TIMED_STEPS)


def reference_network(in_features: int, out_features: int) -> nn.Module:
    """Three hidden layers of 128 units, GELU."""
    layers: list[nn.Module] = []
    width = in_features
    for _ in range(HIDDEN_LAYERS):
        layers += [nn.Linear(width, WIDTH), nn.GELU()]
        width = WIDTH
    return nn.Sequential(*layers, nn.Linear(width, out_features))


def reference_skill(control: Control) -> float:
    """Fit the reference network to a control in this process; its held-out skill."""
    # The same wherever it is done, and threads that wait for each other crawl on a busy machine.
    with one_thread():
        network = reference_network(control.in_features, control.out_features)
        train(
            network,
            torch.from_numpy(control.x),
            torch.from_numpy(control.y),
            Budget(CONTROL_STEPS, task=control.task),
        )
        network.eval()
        with torch.inference_mode():
            prediction = network(torch.from_numpy(control.held_x).float()).double().numpy()
    return control.skill(prediction)


def bars(season: Season, families: Iterable[str] = tuple(FAMILIES)) -> tuple[Bar, ...]:
    """One control of each family, each with its bar, see `bar_of`."""
    return tuple(bar_of(season, family) for family in families)


def bar_of(season: Season, family: str) -> Bar:
    """A control of a family with its bar, the same for every submission of the season.

    A draw that the reference cannot learn, or that a line passes, is drawn again. Who asks for what another
    thread is measuring waits for it.

    Raises:
        RuntimeError: the family gave no usable draw.
    """
    with _MEASURING:
        return measure_bar(season, family)


@lru_cache(maxsize=4 * len(FAMILIES))
def measure_bar(season: Season, family: str) -> Bar:
    """As `bar_of`, in one thread."""
    if season != PRACTICE:
        # Bars of a secret season stay in memory: they tell what a submission will be asked.
        return _measured(season, family)[1]

    def measure() -> list[Array]:
        attempt, bar = _measured(season, family)
        return [np.array([attempt, bar.reference])]

    attempt, reference = cache.cached_arrays(_cache_path(family), ("bar",), measure)[0].tolist()
    return Bar(draw(season, family, int(attempt)), reference)


def _measured(season: Season, family: str) -> tuple[int, Bar]:
    """The first usable draw: its number, and its bar."""
    for attempt, control in enumerate(islice(draws(season, family), DRAWS)):
        line = line_skill(control)
        # A line at half of the best possible skill is above any bar: no need to fit the reference.
        if not control.line_may_pass and line >= 0.5:
            continue
        reference = reference_skill(control)
        if reference >= LEARNABLE and (control.line_may_pass or line < reference / 2):
            return attempt, Bar(control, reference)
    raise RuntimeError(f"no usable control among {DRAWS} draws of the family {family!r}")


def _cache_path(family: str) -> Path:
    """File of a bar of the practice season; the value depends on machine, torch and packages with data."""
    return cache.cache_path(
        f"bar-{family.replace(' ', '-')}",
        PRACTICE.commitment,
        [(name, version(name)) for name in ("torch", "scikit-learn", "mlxtend")],
        platform.node(),
        modules=["challenge.controls", "challenge.training.refit"],
        files=[Path(__file__)],
    )
