"""What is in force where submissions are judged: said by a worker, shown by the leaderboard."""

import dataclasses
import json
from dataclasses import dataclass
from typing import Any, Final, Self

_WORDS: Final = 400
_MOST: Final = 40
_NAME: Final = 64


@dataclass(frozen=True)
class LimitInForce:
    """One limit of a sandboxed submission, in words for people.

    Attributes:
        name: as MBC_LIMIT_NAME sets it.
        figure: with its unit, as "8 GiB".
        meaning: a sentence.
        verdict: the reason code of who goes beyond it, or else what happens then.
    """

    name: str
    figure: str
    meaning: str
    verdict: str


@dataclass(frozen=True)
class Machine:
    """A machine that judges.

    Attributes:
        name: tells it from others, and nothing else.
        sandbox: as it stands in reports.
        in_force: its isolation in words, by what they are about.
        limits: of every submission.
    """

    name: str
    sandbox: str
    in_force: dict[str, str]
    limits: tuple[LimitInForce, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values that JSON can hold."""
        return dataclasses.asdict(self)

    def to_json(self) -> str:
        """JSON text: the same for the same machine."""
        return json.dumps(self.to_dict(), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The machine of `to_json`; ValueError as `from_dict`."""
        return cls.from_dict(json.loads(text))

    @property
    def alike(self) -> str:
        """The same text for machines on which the same is in force."""
        return dataclasses.replace(self, name="").to_json()

    @classmethod
    def from_dict(cls, values: Any) -> Self:
        """The machine of `to_dict`.

        Raises:
            ValueError: fields that are missing, unknown, of another shape, or far too long.
        """
        try:
            limits = tuple(LimitInForce(**one) for one in values["limits"])
            made = cls(**values | {"limits": limits, "in_force": dict(values["in_force"])})
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"this does not describe a machine: {error}") from error
        words = [made.name, made.sandbox, *made.in_force, *made.in_force.values()]
        words += [text for limit in limits for text in dataclasses.astuple(limit)]
        if not all(isinstance(text, str) and len(text) <= _WORDS for text in words) or len(made.name) > _NAME:
            raise ValueError(f"every word about a machine is a text of at most {_WORDS} characters")
        if max(len(made.in_force), len(limits)) > _MOST:
            raise ValueError(f"a machine is described in at most {_MOST} points")
        return made
