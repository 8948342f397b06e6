"""The report of an evaluation: frozen values, to and from JSON, with a version."""

import dataclasses
import json
from dataclasses import dataclass
from typing import Any, Self

from challenge.results.from_json import from_plain

VERSION = 1
# The verdict where only the octaves were asked for.
UNJUDGED = "unjudged"


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class Universality:
    """The certificate of the only rule."""

    passed: bool
    score: float
    controls: tuple[ControlResult, ...]


@dataclass(frozen=True)
class ProbeResult:
    """One integrity probe: its figure, the threshold it is held against, and what that means."""

    name: str
    figure: float
    threshold: float
    passed: bool
    flagged: bool
    sentence: str


@dataclass(frozen=True)
class Integrity:
    """What the probes found."""

    passed: bool
    flagged: bool
    probes: tuple[ProbeResult, ...]


@dataclass(frozen=True)
class Report:
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
    # What was in force, in words, limits included.
    confinement: dict[str, str] = dataclasses.field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain values that JSON can hold."""
        return dataclasses.asdict(self)

    def to_json(self) -> str:
        """JSON text; NaN and infinity are refused."""
        return json.dumps(self.to_dict(), allow_nan=False)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The report of `to_dict`.

        Raises:
            ValueError: another version, or fields that are missing, unknown or of another shape.
        """
        if not isinstance(values, dict) or values.get("version") != VERSION:
            raise ValueError(f"this is not a report of version {VERSION}")
        try:
            integrity = values["integrity"]
            fields = values | {
                "interval": (float(values["interval"][0]), float(values["interval"][1])),
                "skill": tuple(float(s) for s in values["skill"]),
                "skill_by_chain": tuple(tuple(float(s) for s in row) for row in values["skill_by_chain"]),
                "universality": universality(values["universality"]),
                "integrity": integrity
                and Integrity(
                    **integrity
                    | {"probes": tuple(from_plain(ProbeResult, one) for one in integrity["probes"])}
                ),
            }
            return cls(**fields)
        except (KeyError, TypeError, IndexError) as error:
            raise ValueError(f"the report is incomplete or has unknown fields: {error}") from error

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The report of `to_json`; ValueError as `from_dict`."""
        return cls.from_dict(json.loads(text))


def universality(plain: dict[str, Any] | None) -> Universality | None:
    """The certificate as it stands in a report; None where there is none.

    Raises:
        KeyError, TypeError: fields are missing or unknown.
    """
    if plain is None:
        return None
    controls = tuple(from_plain(ControlResult, one) for one in plain["controls"])
    return Universality(**plain | {"controls": controls})
