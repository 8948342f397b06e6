"""The report of an evaluation: frozen values, to and from JSON, with a version."""

import dataclasses
from typing import Any, Self

from pydantic.dataclasses import dataclass

from challenge.results.frame_suggestion import FrameSuggestion
from challenge.util.validation import STRICT, PlainValues

Pair = tuple[float, float]
VERSION = 1
# The verdict where only the octaves were asked for.
UNJUDGED = "unjudged"


@dataclass(config=STRICT, frozen=True)
class ControlResult:
    """How well a submission's `build` learned one control."""

    name: str
    family: str
    in_features: int
    out_features: int
    task: str  # "regression" or "classification"
    skill: float  # first refit
    refits: tuple[float, ...]  # skill of each refit made, the first one first
    reference: float
    bar: float
    passed: bool

    @property
    def best(self) -> float:
        """Skill of the best refit: what is held against the bar."""
        return max(self.refits, default=self.skill)


@dataclass(config=STRICT, frozen=True)
class Universality:
    """The certificate of the only rule."""

    passed: bool
    score: float
    controls: tuple[ControlResult, ...]


@dataclass(config=STRICT, frozen=True)
class ProbeResult:
    """One integrity probe: its figure, the threshold it is held against, and what that means."""

    name: str
    figure: float
    threshold: float
    passed: bool
    flagged: bool
    sentence: str


@dataclass(config=STRICT, frozen=True)
class Integrity:
    """What the probes found."""

    passed: bool
    flagged: bool
    probes: tuple[ProbeResult, ...]


@dataclass(config=STRICT, frozen=True)
class Report(PlainValues):
    """What an evaluation measured.

    `skill_by_chain` holds one row a chain and one column an octave; paired intervals are made from it.
    `universality` and `integrity` are None where only the octaves were asked for.
    """

    season: str
    commitment: str
    octaves: float
    interval: tuple[float, float]
    depth: float
    precision_db: float
    skill: tuple[float, ...]
    skill_by_chain: tuple[tuple[float, ...], ...]
    universality: Universality | None
    integrity: Integrity | None
    parameters: int
    bytes: int
    weight_class: str
    predictions_per_second: float
    device: str
    sandbox: str
    verdict: str  # "scored", "rejected", or "unjudged"
    sentence: str  # for a rejected one: what it failed, with figures
    seconds: float
    timings: dict[str, float]  # seconds of each part
    version: int = VERSION
    # The evaluation that the certificate was found in, where it was not this one.
    certificate_from: int | None = None
    # What was in force, in words, limits included.
    confinement: dict[str, str] = dataclasses.field(default_factory=dict)
    # Why it resolves so little, where the known frames were tried and one fits; it decides nothing.
    suggestion: FrameSuggestion | None = None

    @classmethod
    def from_dict(cls, values: Any) -> Self:
        """The report of `to_dict`.

        Raises:
            ValueError: another version, or fields that are missing, unknown or of another type.
        """
        if not isinstance(values, dict) or values.get("version") != VERSION:
            raise ValueError(f"this is not a report of version {VERSION}")
        try:
            return super().from_dict(values)
        except ValueError as error:
            raise ValueError(f"the report is incomplete or has unknown fields: {error}") from error
