"""The values of the interface: views answer with these models, and the OpenAPI document is made from them."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from challenge.results.verdicts import Fault, Reason, Status
from challenge.scoring.tracks import Track

Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Score = Annotated[float, Field(ge=0)]
Pair = Annotated[list[float], Field(min_length=2, max_length=2)]
Ranks = Annotated[list[Positive], Field(min_length=2, max_length=2)]
Seconds = Annotated[float, Field(gt=0)]
# Moments and addresses are texts already: a view decides how precise and how absolute they are.
Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Url = Annotated[str, Field(json_schema_extra={"format": "uri"})]
Machine = Literal["cpu", "gpu"]
WeightClass = Literal["feather", "light", "middle", "heavy"]
Stage = Literal["validating", "predicting", "refitting", "probing", "rendering"]
FinishedStage = Literal["octaves", "certificate", "integrity", "pictures"]
SeasonState = Literal["scheduled", "open", "closed", "practice"]


class Value(BaseModel):
    """An object with exactly these fields; numbers are finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Problem(Value):
    """What went wrong (RFC 9457)."""

    type: str = Field(description="about:blank: the code says which kind it is.")
    title: str = Field(description="The status in words.")
    status: int = Field(description="The HTTP status.", ge=400, le=599)
    detail: str = Field(description="A sentence for people.")
    code: str = Field(description="A word for programs.")
    help: str = Field(default="", description="What to do about it.")


class Page(Value):
    """Which part of a list this is."""

    number: Positive = Field(description="This page.")
    size: Positive = Field(description="Entries on a full page.")
    total: Count = Field(description="Entries on all pages.")
    pages: Positive = Field(description="Number of pages.")


class Result(Value):
    """Figures of a judged evaluation; null before there is a report."""

    octaves: Score | None = Field(description="The score; of an open season to three digits.")
    interval: Pair | None = Field(description="95 % interval, [low, high].")
    depth: float | None = Field(description="The octave at which the skill falls below one half.")
    precision_db: float | None = Field(description="PSNR over the whole set, in decibels.")
    universality: float | None = Field(description="How well the same network learns other data.")
    flagged: bool = Field(description="Whether a probe was in doubt.")
    awaits_decision: bool = Field(
        description="Whether it does not rank because it is flagged and nobody has accepted it."
    )


class Reproduction(Value):
    """What came of an entry's training, repeated by an operator."""

    octaves: Score = Field(description="Of the repeated weights.")
    submitted: Score = Field(description="Of the weights that were handed in.")
    difference: Pair = Field(description="95 % interval of the repeated octaves less the submitted ones.")
    agrees: bool = Field(description="Whether the entry counts as reproduced.")
    steps: Count = Field(description="Of the optimiser.")
    seconds: Annotated[float, Field(ge=0)] = Field(description="Of training.")
    machine: str = Field(description="That it ran on.")
    device: str = Field(description="cpu or cuda.")
    at: Moment = Field(description="When it was posted, UTC.")


class Place(Value):
    """Where an entry ranks, and who is next above it."""

    rank: list[Positive] = Field(description="From, to: an entry may share its rank.")
    entries: Count = Field(description="How many rank with it.")
    above: str = Field(description="The entry with the next higher score; '' for the first.")
    gap: float = Field(description="Octaves to that entry.")


class EvaluationStatus(Result):
    """State of the newest evaluation on one track."""

    evaluation_id: Count = Field(description="The evaluation's number.")
    track: Track = Field(description="The track it is judged on.")
    machine: Machine | None = Field(description="The class of the machine, on the samples track.")
    status: Status = Field(description="Where the evaluation is, or how it ended.")
    final: bool = Field(description="Whether nothing more happens by itself.")
    message: str = Field(description="What is happening.")
    progress: Share = Field(description="Of this stage.")
    attempt: Count = Field(description="How often a worker has begun.")
    queue_position: Count | None = Field(description="1 for the next one.")
    stages: list[FinishedStage] = Field(description="Those that are done, on the open track.")
    provisional: bool = Field(description="Whether the octaves are measured and the verdict is to come.")
    reason: Reason | None = Field(description="Why it failed.")
    fault: Fault | None = Field(description="Who is responsible for the failure.")
    sentence: str = Field(description="The reason in words; '' where nothing is wrong.")
    season: str = Field(description="The season's name.")
    place: Place | None = Field(description="Its rank and neighbour; null where it does not rank.")
    reproduction: Reproduction | None = Field(description="What came of repeating its training.")


class Submission(EvaluationStatus):
    """State of a submission: on the open track, or else on the samples track; `evaluations` has both."""

    id: Count = Field(description="The submission's number.")
    name: str = Field(description="What it is called.")
    author: str = Field(description="The author in the manifest.")
    weight_class: WeightClass = Field(description="By the bytes of code and weights.")
    bytes: Count = Field(description="Of code and weights.")
    url: Url = Field(description="Its page.")
    evaluations: list[EvaluationStatus] = Field(description="The newest evaluation on each of its tracks.")


class UserName(Value):
    """A person by number and name."""

    id: Count = Field(description="Their number.")
    name: str = Field(description="Their name.")


class Summary(Value):
    """A submission in a list."""

    id: Count = Field(description="Its number.")
    name: str = Field(description="What it is called.")
    author: str = Field(description="The author in the manifest.")
    user: UserName = Field(description="Who handed it in.")
    method: str = Field(description="In a few words.")
    weight_class: WeightClass = Field(description="By the bytes of code and weights.")
    bytes: Count = Field(description="Of code and weights.")
    created_at: Moment = Field(description="When it was handed in, UTC.")
    track: Track | None = Field(description="Of its newest evaluation.")
    status: Status = Field(description="Of its newest evaluation.")
    season: str | None = Field(description="Of its newest evaluation.")
    octaves: float | None = Field(description="The score; of an open season to three digits.")
    url: Url = Field(description="Its page.")


class Submissions(Value):
    """A page of submissions."""

    submissions: list[Summary] = Field(description="The newest first.")
    page: Page


class Entry(Result):
    """An entry of the board."""

    rank: Ranks | None = Field(description="[best, worst] where the interval says tied.")
    submission_id: Count = Field(description="The submission's number.")
    evaluation_id: Count = Field(description="The evaluation it stands by.")
    user_id: Count = Field(description="Who handed it in.")
    name: str = Field(description="What it is called.")
    author: str = Field(description="The author in the manifest.")
    method: str = Field(description="In a few words.")
    status: Status = Field(description="How its evaluation ended, or where it is.")
    provisional: bool = Field(description="Whether the octaves are measured and the verdict is to come.")
    track: Track = Field(description="The track it is judged on.")
    machine: Machine | None = Field(description="The class of the machine, on the samples track.")
    verified: bool = Field(
        description="Whether somebody watched it learn: it ranks on the samples track, or it was reproduced."
    )
    reproduced: bool = Field(description="Whether an operator repeated its training and reached its octaves.")
    open_octaves: Score | None = Field(description="On the open track, where it ranks there.")
    samples_octaves: Score | None = Field(description="On the samples track, where it ranks there.")
    weight_class: WeightClass = Field(description="By the bytes of code and weights.")
    bytes: Count = Field(description="Of code and weights.")
    parameters: Count | None = Field(description="Parameters and buffers.")
    predictions_per_second: float | None = Field(description="On the evaluator's device.")
    device: str | None = Field(description="cpu or cuda.")
    date: Moment = Field(description="When it was judged, UTC.")
    reference: bool = Field(description="Handed in by the platform, as a mark to beat.")


class Unranked(Entry):
    """An entry that does not rank, and why."""

    reason: Reason | None = Field(description="Why it failed.")
    sentence: str = Field(description="The same in words.")


class Pending(Value):
    """A submission that waits or is being judged."""

    evaluation_id: Count = Field(description="The evaluation's number.")
    submission_id: Count = Field(description="The submission's number.")
    name: str = Field(description="What it is called.")
    author: str = Field(description="The author in the manifest.")
    track: Track = Field(description="The track it is judged on.")
    status: Status = Field(description="Where the evaluation is.")
    progress: Share = Field(description="Of this stage.")
    message: str = Field(description="What is happening.")
    attempt: Count = Field(description="How often a worker has begun.")
    queue_position: Count | None = Field(description="1 for the next one.")
    final: bool = Field(description="Whether nothing more happens by itself.")


class BoardSeason(Value):
    """The season of a board."""

    name: str = Field(description="Its name.")
    commitment: str = Field(description="SHA-256 of its secret.")
    state: SeasonState = Field(description="Whether it is open.")


class Board(Value):
    """The standing of a season on a track."""

    track: Track = Field(description="Which track.")
    machine: Machine | None = Field(description="The class of the machine, on the samples track.")
    season: BoardSeason = Field(description="Which season.")
    entries: list[Entry] = Field(description="This page of the ranked ones.")
    pending: list[Pending] = Field(description="The next ones to be judged.")
    pending_total: Count = Field(description="How many wait or are being judged.")
    unranked: list[Unranked] = Field(description="The newest ones that do not rank.")
    unranked_total: Count = Field(description="How many do not rank.")
    page: Page


class Size(Value):
    """How large an evaluation set is."""

    chains: Positive = Field(description="Chains.")
    octaves: Positive = Field(description="Octaves of a chain.")
    points: Positive = Field(description="Points of a view.")


class Budgets(Value):
    """Budget of one target by class of machine, in seconds on the machine that budgets are quoted for."""

    cpu: Seconds = Field(description="On two processor cores.")
    gpu: Seconds = Field(description="On a graphics card.")


class SamplesTask(Value):
    """What the samples track gives, and asks."""

    count: int = Field(description="Random samples of each target.", ge=2)
    seconds: Budgets = Field(description="Budget of one target.")
    size: Size = Field(description="Of each target's evaluation set.")


class Season(Value):
    """What evaluation sets are drawn from."""

    name: str = Field(description="Its name.")
    state: SeasonState = Field(description="Whether it is open.")
    commitment: str = Field(description="SHA-256 of its secret.")
    secret: str | None = Field(description="Hexadecimal, once the season is closed.")
    size: Size = Field(description="Of the evaluation set.")
    samples: SamplesTask = Field(description="The samples track.")
    opened_at: Moment = Field(description="UTC.")
    opens_at: Moment | None = Field(description="When it is to open, UTC; null once it has.")
    closes_at: Moment | None = Field(description="When it is to close, UTC; null for no date.")
    closed_at: Moment | None = Field(description="UTC.")


class Seasons(Value):
    """A page of seasons."""

    seasons: list[Season] = Field(description="The newest first.")
    page: Page


class Person(Value):
    """Whose token it is."""

    name: str = Field(description="Their name.")
    reference: bool = Field(description="Whether they hand in the references.")
    token: str = Field(description="The token's first letters.")


class Quota(Value):
    """What a person may still hand in."""

    a_day: Count = Field(description="Bundles between two midnights, UTC.")
    used_today: Count = Field(description="Bundles handed in today; failures of the platform do not count.")
    at_once: Count = Field(description="Bundles that may wait or be judged at the same time.")
    waiting: Count = Field(description="Bundles that wait or are judged now.")
    renewed_at: Moment = Field(description="When the day ends, UTC.")
    left: Count = Field(description="Bundles that can be handed in now.")


class WeightClasses(Value):
    """The most bytes of each weight class."""

    feather: Count = Field(description="feather")
    light: Count = Field(description="light")
    middle: Count = Field(description="middle")
    heavy: Count = Field(description="heavy")


class Limits(Value):
    """What a bundle may hold, in bytes, and a person hand in."""

    quota: Quota | None = Field(description="With a token: what its owner may still hand in.")
    hand_ins_a_day: Count = Field(description="Bundles of one person between two midnights, UTC.")
    hand_ins_waiting: Count = Field(description="Bundles of one person that wait or are judged at once.")
    archive_bytes: Count = Field(description="The archive.")
    weights_bytes: Count = Field(description="weights.safetensors.")
    source_bytes: Count = Field(description="All texts.")
    frame_bytes: Count = Field(description="One picture of the training.")
    frames_bytes: Count = Field(description="All pictures of the training.")
    members: Count = Field(description="Files in the archive.")
    weight_classes: WeightClasses = Field(description="The most bytes of each.")
    attempts: Count = Field(description="How often an evaluation is tried where the platform is at fault.")


class Noted(Value):
    """It was noted."""

    noted: bool = Field(description="True.")


class ClaimedSeason(Value):
    """The season that a claimed evaluation is judged on."""

    name: str = Field(description="Its name.")
    secret: str = Field(description="Hexadecimal.")
    size: Size = Field(description="Of the evaluation set.")


class Lesson(Value):
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
    season: ClaimedSeason = Field(description="What to judge it on.")
    stages: dict[str, Any] = Field(description="What the stages that are done have found, by stage.")
    lesson: Lesson | None = Field(description="On the samples track.")
    front: list[Pair] = Field(
        description="[bytes, octaves] of what was learned in this season while somebody watched."
    )


class ToReproduce(Value):
    """A scored entry whose training is to be repeated."""

    submission_id: Count = Field(description="The submission's number.")
    name: str = Field(description="What it is called.")
    season: ClaimedSeason = Field(description="What it was judged on.")


class Repeated(BaseModel):
    """What came of a repeated training."""

    season: str = Field(description="Name of the season whose set was asked.")
    skill_by_chain: list[list[Share]] = Field(description="Skills of the repeated weights.")
    weights: str = Field(description="SHA-256 of their file.", pattern="^[0-9a-f]{64}$")
    steps: Count = Field(description="Of the optimiser.")
    seconds: Annotated[float, Field(ge=0)] = Field(description="Of training.")
    machine: str = Field(description="That it ran on.")
    device: str = Field(description="cpu or cuda.")


class StageTaken(Evaluation):
    """State of an evaluation after a stage."""

    go_on: bool = Field(description="Whether this worker does the next stage; if not, its lease has ended.")


class FoundStage(BaseModel):
    """What a stage found: an unjudged report, a certificate, or the probes that depend on the weights."""

    found: dict[str, Any] = Field(description="The findings.")
    digest: str | None = Field(default=None, description="Of a certificate that was made here.")


class Progress(BaseModel):
    """How far an evaluation is."""

    status: Stage = Field(description="A stage.")
    progress: Share = Field(default=0.0, description="Of this stage.")
    message: str = Field(default="", description="What is happening.")


class Failure(BaseModel):
    """Why it could not be judged; an unknown reason is taken for the platform's fault."""

    reason: Reason = Field(description="Why.")
    detail: str = Field(default="", description="More about it; at most 1,000 characters are kept.")


class PublicReport(BaseModel):
    """The judge's report, as `mbc score --json` prints it (on the samples track with `--track samples`).

    While its season is open, figures are rounded to three digits, and what could carry hidden points is not
    there: `withheld` names those fields, and they come when the season has ended.
    """

    season: str = Field(description="The season's name.")
    octaves: Score = Field(description="The score.")
    interval: Pair = Field(description="95 % interval, [low, high].")
    skill: list[Share] = Field(description="Skill by octave.")
    verdict: Literal["scored", "rejected"] = Field(description="How it ended.")
    version: int = Field(description="Of the format.")
    withheld: list[str] = Field(default=[], description="Fields that come when the season has ended.")


class Picture(Value):
    """A picture that was kept."""

    name: str = Field(description="Place, octave and kind.")
    bytes: Count = Field(description="As it was written anew.")
    digest: str = Field(description="SHA-256.")


class Kept(Value):
    """It was kept."""

    evaluation_id: Count = Field(description="The evaluation's number.")


def to_json(kind: type[BaseModel], values: dict[str, Any]) -> dict[str, Any]:
    """Plain values of an answer, checked against its model: a mismatch is a mistake of the server."""
    return kind.model_validate(values).model_dump(mode="json")
