"""The result of repeating an entry's training: posted by an operator, compared by the leaderboard."""

from typing import Annotated, Final

from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass

from challenge.util.validation import STRICT, PlainValues

_MOST: Final = 10**12
# PostgreSQL has no place for the character 0.
Words = Annotated[str, Field(max_length=80, pattern=r"^[^\x00]*$")]
Share = Annotated[float, Field(ge=0, le=1)]
Skills = tuple[tuple[Share, ...], ...]


def _check_rows(rows: Skills) -> Skills:
    if not rows or len({len(row) for row in rows}) != 1:
        raise ValueError("every chain needs as many octaves as the first one")
    return rows


@dataclass(config=STRICT, frozen=True)
class RepeatedTraining(PlainValues):
    """Result of a repeated training."""

    season: str = Field(description="Name of the season whose set was asked.")
    skill_by_chain: Annotated[Skills, AfterValidator(_check_rows)] = Field(
        description="Skills of the repeated weights: a row for each chain, in it a number for each octave."
    )
    weights: str = Field(description="SHA-256 of their file, hexadecimal.", pattern="^[0-9a-f]{64}$")
    steps: int = Field(description="Of the optimiser.", ge=0, lt=_MOST)
    seconds: float = Field(description="Of training.", ge=0, lt=_MOST)
    machine: Words = Field(description="That it ran on, in words.")
    device: Words = Field(description="cpu or cuda.")
