"""What is in force on a machine that judges: sent by its worker, shown by the leaderboard."""

import dataclasses
import json
from typing import Annotated, Any, Final, Self

from pydantic import Field
from pydantic.dataclasses import dataclass

from challenge.util.validation import STRICT, PlainValues

TEXT_LENGTH: Final = 400
NAME_LENGTH: Final = 64
MAX_ITEMS: Final = 40
REASON_LENGTH: Final = 2000
Text = Annotated[str, Field(max_length=TEXT_LENGTH)]


@dataclass(config=STRICT, frozen=True)
class LimitInForce:
    """One limit of a sandboxed submission, in words for people."""

    name: Text = Field(description="As MBC_LIMIT_NAME sets it.")
    figure: Text = Field(description='With its unit, as "8 GiB".')
    meaning: Text = Field(description="A sentence.")
    verdict: Text = Field(description="What exceeding the limit leads to: a reason code, or what happens.")


@dataclass(config=STRICT, frozen=True)
class WorkerInfo(PlainValues):
    """What is in force where submissions are judged."""

    name: str = Field(description="Tells the machine from others, and nothing else.", max_length=NAME_LENGTH)
    sandbox: Text = Field(description="As it stands in reports.")
    in_force: dict[Text, Text] = Field(
        description="Its isolation in words, by subject.", max_length=MAX_ITEMS
    )
    limits: tuple[LimitInForce, ...] = Field(description="Of every submission.", max_length=MAX_ITEMS)
    unable: str = Field(
        default="", description="Why it cannot judge now; empty where it can.", max_length=REASON_LENGTH
    )
    machine_class: Text = Field(default="", description="cpu or gpu; empty where it does not say.")
    speed: float = Field(
        default=0.0, description="Beside the machine that budgets are quoted for; 0 where unknown.", ge=0
    )

    @classmethod
    def of_idle(cls, name: str, reason: str) -> Self:
        """A machine that cannot judge, and why."""
        return cls(name, "none", {}, (), reason[:REASON_LENGTH])

    def to_json(self) -> str:
        """JSON text: the same for the same machine."""
        return json.dumps(self.to_dict(), sort_keys=True)

    @property
    def without_name(self) -> str:
        """JSON text that is equal for machines on which the same is in force, however fast they are."""
        return dataclasses.replace(self, name="", speed=0.0).to_json()

    @classmethod
    def from_dict(cls, values: Any) -> Self:
        """The information of `to_dict`.

        Raises:
            ValueError: fields that are missing, unknown, of another type, or too long.
        """
        try:
            return super().from_dict(values)
        except ValueError as error:
            raise ValueError(f"this does not describe a machine: {error}") from error
