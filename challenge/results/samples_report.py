"""The report of an evaluation on the samples track: frozen values, to and from JSON, with a version.

While a season's secret is kept, `losses` and the films are for the judge's side alone: a submission says
there what it likes, the shape of a warp too, and its author could read it (see docs/samples.md).
"""

import dataclasses
from typing import Any, Self

from pydantic.dataclasses import dataclass

from challenge.results.report import Universality
from challenge.util.validation import STRICT, PlainValues

VERSION = 1
TRACK = "samples"


@dataclass(config=STRICT, frozen=True)
class Calibration:
    """How fast the machine is, by a fixed training of a small network, and what a budget becomes by that.

    Attributes:
        machine: the class: "cpu" (two cores) or "gpu".
        seconds: what a step of the training took here.
        reference: what it takes on the machine that budgets are quoted for.
        factor: budgets here are this many times as long: seconds / reference, within bounds.
    """

    machine: str
    seconds: float
    reference: float
    factor: float


@dataclass(config=STRICT, frozen=True)
class TargetResult:
    """What was learned of one target.

    Attributes:
        kind: "mandelbrot", "cousin" or "polynomial"; name: the fractal, '' while the season's secret is kept.
        skill: by octave; skill_by_chain: (chains, octaves).
        seconds: what the fit took.
        ended: "returned", "killed" (it ran over its time) or "failed" (it raised an error or ended).
        reason: why it did not return, as in `challenge.results.verdicts.Reason`; '' where it did.
        judged_on: seconds into the fit of the state that was judged: the end's, or the last checkpoint's.
        checkpoints: how many it handed out.
        losses: (seconds, loss) as the fit itself reported them, thinned out.
        film: seconds into the fit of each frame.
    """

    kind: str
    name: str
    octaves: float
    interval: tuple[float, float]
    depth: float
    precision_db: float
    skill: tuple[float, ...]
    skill_by_chain: tuple[tuple[float, ...], ...]
    seconds: float
    ended: str
    reason: str
    judged_on: float
    checkpoints: int
    losses: tuple[tuple[float, float], ...]
    film: tuple[float, ...]


@dataclass(config=STRICT, frozen=True)
class SamplesReport(PlainValues):
    """What an evaluation on the samples track measured.

    `octaves`, `interval`, `depth`, `precision_db`, `skill` and `skill_by_chain` mean what they mean in
    `Report`, of the mean over the targets: its chain i is the mean of their chains i, which are independent.
    """

    season: str
    commitment: str
    octaves: float
    interval: tuple[float, float]
    depth: float
    precision_db: float
    skill: tuple[float, ...]
    skill_by_chain: tuple[tuple[float, ...], ...]
    targets: tuple[TargetResult, ...]
    samples: int
    budget_seconds: float  # of one target, on the reference machine
    calibration: Calibration
    universality: Universality | None
    parameters: int
    bytes: int  # of the sources: the weights are learned here
    predictions_per_second: float
    device: str
    sandbox: str
    verdict: str  # "scored", "rejected", or "unjudged"
    sentence: str
    seconds: float
    timings: dict[str, float]
    track: str = TRACK
    version: int = VERSION
    # What was in force, in words, limits included.
    confinement: dict[str, str] = dataclasses.field(default_factory=dict)
    # The evaluation in which the controls were fitted, where it was an earlier one of the same code.
    certificate_from: int | None = None

    @classmethod
    def from_dict(cls, values: Any) -> Self:
        """The report of `to_dict`.

        Raises:
            ValueError: another track or version, or fields that are missing, unknown or of another type.
        """
        if not isinstance(values, dict) or (values.get("track"), values.get("version")) != (TRACK, VERSION):
            raise ValueError(f"this is not a report of the track {TRACK!r}, version {VERSION}")
        try:
            return super().from_dict(values)
        except ValueError as error:
            raise ValueError(f"the report is incomplete or has unknown fields: {error}") from error
