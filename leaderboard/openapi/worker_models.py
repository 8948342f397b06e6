"""The values that workers send and get."""

from typing import Any

from pydantic import BaseModel, Field

from challenge.results.verdicts import Reason, Status
from challenge.scoring.tracks import Track
from leaderboard.openapi.models import Budgets, Size
from leaderboard.openapi.values import (
    Count,
    Pair,
    Seconds,
    Share,
    Stage,
    Value,
)


class Noted(Value):
    """Noted."""

    noted: bool = Field(description="True.")


class ClaimedSeason(Value):
    """The season that a claimed evaluation is judged on."""

    name: str = Field(description="Its name.")
    secret: str = Field(description="Hexadecimal.")
    size: Size = Field(description="Of the evaluation set.")


class ClaimedSamples(Value):
    """What is given on the samples track."""

    samples: int = Field(description="Of each target.", ge=2)
    seconds: Budgets = Field(description="Budget of one target.")


class Evaluation(Value):
    """State of an evaluation, as workers see it."""

    evaluation_id: Count = Field(description="The evaluation's number.")
    submission_id: Count = Field(description="The submission's number.")
    status: Status = Field(description="Where the evaluation is, or how it ended.")
    attempt: Count = Field(description="The first one is 1.")


class Claim(Evaluation):
    """An evaluation that is this worker's while it renews the lease."""

    track: Track = Field(description="The track it is judged on.")
    lease: str = Field(description="Goes into the header X-MBC-Lease.")
    lease_seconds: Seconds = Field(description="How long the lease lasts without a request.")
    trace: str = Field(description="The id of the upload, for log lines and the header X-Request-ID.")
    digest: str = Field(description="SHA-256 of the bundle.")
    season: ClaimedSeason = Field(description="What to judge it on.")
    stages: dict[str, Any] = Field(description="What the stages that are done have found, by stage.")
    lesson: ClaimedSamples | None = Field(description="On the samples track.")
    front: list[Pair] = Field(
        description="[bytes, octaves] of what was learned in this season while somebody watched."
    )
    canary: Count | None = Field(
        description="The number of a canary: its octaves are compared with what is known, and nothing else."
    )


class CanaryTaken(Value):
    """A canary was compared with what is known."""

    same: bool = Field(description="Whether it was found the same; if not, this machine is stopped.")


class ToReproduce(Value):
    """A scored entry whose training is to be repeated."""

    submission_id: Count = Field(description="The submission's number.")
    name: str = Field(description="What it is called.")
    season: ClaimedSeason = Field(description="What it was judged on.")


class StageTaken(Evaluation):
    """State of an evaluation after a stage."""

    go_on: bool = Field(description="Whether this worker does the next stage; if not, its lease has ended.")


class FoundStage(BaseModel):
    """What a stage found: an unjudged report, a certificate, probes, or what was learned of a target."""

    found: dict[str, Any] = Field(description="The findings.")
    digest: str | None = Field(default=None, description="Of a certificate that was made here.")


class FoundCanary(BaseModel):
    """What a machine found of a canary, or why it could not judge it."""

    found: dict[str, Any] | None = Field(default=None, description="An unjudged report.")
    reason: Reason | None = Field(default=None, description="Why there is none.")


class Progress(BaseModel):
    """How far an evaluation is."""

    status: Stage = Field(description="A stage.")
    progress: Share = Field(default=0.0, description="Of this stage.")
    message: str = Field(default="", description="What is happening.")


class Failure(BaseModel):
    """Why it could not be judged; an unknown reason counts as the platform's fault."""

    reason: Reason = Field(description="Why.")
    detail: str = Field(default="", description="More about it; at most 1,000 characters are kept.")


class Picture(Value):
    """A picture that was kept."""

    name: str = Field(description="Place, octave and kind.")
    bytes: Count = Field(description="After re-encoding.")
    digest: str = Field(description="SHA-256.")


class Kept(Value):
    """Stored."""

    evaluation_id: Count = Field(description="The evaluation's number.")
