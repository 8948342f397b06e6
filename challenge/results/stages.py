"""The stages of an evaluation, and what each of them found, as it travels to the board."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field
from pydantic.dataclasses import dataclass

from challenge.results.report import ProbeResult, Universality
from challenge.results.result_visuals import ControlFit, PlotData
from challenge.results.samples_report import Calibration, TargetResult
from challenge.util.validation import STRICT, PlainValues


class Stage(StrEnum):
    """A part of an evaluation."""

    OCTAVES = "octaves"  # the score: load, predict, measure
    CERTIFICATE = "certificate"  # controls and the twin: what depends on the code alone
    INTEGRITY = "integrity"  # probes that depend on the weights
    PICTURES = "pictures"
    TARGET_1 = "target-1"  # samples track: learn a target, predict, measure, draw
    TARGET_2 = "target-2"
    TARGET_3 = "target-3"


# In the order in which they are done. A samples evaluation ends with the certificate.
OPEN_STAGES: Final = (Stage.OCTAVES, Stage.CERTIFICATE, Stage.INTEGRITY, Stage.PICTURES)
TARGET_STAGES: Final = (Stage.TARGET_1, Stage.TARGET_2, Stage.TARGET_3)
SAMPLES_STAGES: Final = (*TARGET_STAGES, Stage.CERTIFICATE)


@dataclass(config=STRICT, frozen=True)
class Certificate(PlainValues):
    """What was found of a submission's code, without its weights.

    Attributes:
        universality: the controls.
        probes: the twin.
        controls: a fit of each control, for the page.
        plots: of the probes.
        evaluation_id: of the evaluation that it was found in; None for a local score.
    """

    universality: Universality
    probes: tuple[ProbeResult, ...]
    controls: tuple[Annotated[ControlFit, Field(discriminator="kind")], ...]
    plots: tuple[PlotData, ...]
    evaluation_id: int | None = None

    @property
    def passed(self) -> bool:
        """Whether nothing in it rejects the submission."""
        return self.universality.passed and all(probe.passed for probe in self.probes)


@dataclass(config=STRICT, frozen=True)
class IntegrityFindings(PlainValues):
    """What the probes found that depend on the weights, with their plots."""

    probes: tuple[ProbeResult, ...]
    plots: tuple[PlotData, ...]


@dataclass(config=STRICT, frozen=True)
class TargetFindings(PlainValues):
    """What was learned of one target of the samples track.

    Attributes:
        result: for the report.
        losses: as the fit reported them, which may tell of a secret target; None without any.
        numbers: in the model's state dict.
        per_second: points predicted a second.
        device: that it ran on.
        calibration: of the machine that it ran on.
        took: seconds that the stage took.
    """

    result: TargetResult
    losses: PlotData | None
    numbers: int
    per_second: float
    device: str
    calibration: Calibration
    took: float
