"""The stages of an evaluation on the open track, and what each of them found, as it travels to the board."""

import dataclasses
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import Field
from pydantic.dataclasses import dataclass

from challenge.results.report import ProbeResult, Universality
from challenge.results.result_visuals import ControlFit, PlotData
from challenge.util.validation import STRICT, read_values


class Stage(StrEnum):
    """A part of an evaluation, in the order in which they are done."""

    OCTAVES = "octaves"  # the score: load, predict, measure
    CERTIFICATE = "certificate"  # controls and the twin: what depends on the code alone
    INTEGRITY = "integrity"  # probes that depend on the weights
    PICTURES = "pictures"


@dataclass(config=STRICT, frozen=True)
class Certificate:
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

    def to_dict(self) -> dict[str, Any]:
        """Plain values that JSON can hold."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Any) -> Self:
        """The certificate of `to_dict`.

        Raises:
            ValueError: fields are missing, unknown or of another type.
        """
        return read_values(cls, values)


@dataclass(config=STRICT, frozen=True)
class IntegrityFindings:
    """What the probes found that depend on the weights, with their plots."""

    probes: tuple[ProbeResult, ...]
    plots: tuple[PlotData, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values that JSON can hold."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Any) -> Self:
        """The findings of `to_dict`.

        Raises:
            ValueError: fields are missing, unknown or of another type.
        """
        return read_values(cls, values)
