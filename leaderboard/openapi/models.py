"""The values of the interface: views answer with these models, and the OpenAPI document is made from them."""

from typing import Literal

from pydantic import BaseModel, Field

from challenge.results.verdicts import Fault, Reason, Status
from challenge.scoring.tracks import Track
from leaderboard.openapi.values import (
    Count,
    Duration,
    FinishedStage,
    Machine,
    Moment,
    Pair,
    Positive,
    Ranks,
    Score,
    SeasonState,
    Seconds,
    Share,
    Url,
    Value,
    WeightClass,
)


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


class _Judged(Value):
    """An evaluation and its figures, which are null before there is a report."""

    evaluation_id: Count = Field(description="The evaluation's number.")
    track: Track = Field(description="The track it is judged on.")
    machine: Machine | None = Field(description="The class of the machine, on the samples track.")
    status: Status = Field(description="Where the evaluation is, or how it ended.")
    provisional: bool = Field(description="Whether the octaves are measured and the verdict is to come.")
    deferred: bool = Field(description="Whether the verdict comes only if its owner asks for it.")
    octaves: Score | None = Field(description="The score; of an open season to three digits.")
    interval: Pair | None = Field(description="95 % interval, [low, high].")
    depth: float | None = Field(description="The octave at which the skill falls below one half.")
    precision_db: float | None = Field(description="PSNR over the whole set, in decibels.")
    universality: float | None = Field(description="How well the same network learns other data.")
    flagged: bool = Field(description="Whether a probe was in doubt.")
    awaits_decision: bool = Field(
        description="Whether it does not rank because it is flagged and nobody has accepted it."
    )


class _Waiting(Value):
    """How far an evaluation is."""

    progress: Share = Field(description="Of this stage.")
    message: str = Field(description="What is happening.")
    attempt: Count = Field(description="Number of attempts so far.")
    queue_position: Count | None = Field(description="1 for the next one.")
    final: bool = Field(description="Whether nothing more happens by itself.")


class _Named(Value):
    """What a submission is called, and by whom it is."""

    name: str = Field(description="What it is called.")
    author: str = Field(description="The author in the manifest.")


class _Sized(_Named):
    """The same, and how large its bundle is."""

    weight_class: WeightClass = Field(description="By the bytes of code and weights.")
    bytes: Count = Field(description="Of code and weights.")


class Reproduction(Value):
    """Result of an entry's training, repeated by an operator."""

    octaves: Score = Field(description="Of the repeated weights.")
    submitted: Score = Field(description="Of the submitted weights.")
    difference: Pair = Field(description="95 % interval of the repeated octaves less the submitted ones.")
    agrees: bool = Field(description="Whether the entry counts as reproduced.")
    steps: Count = Field(description="Of the optimiser.")
    seconds: Duration = Field(description="Of training.")
    machine: str = Field(description="That it ran on.")
    device: str = Field(description="cpu or cuda.")
    at: Moment = Field(description="When it was posted, UTC.")


class Place(Value):
    """Where an entry ranks, and who is next above it."""

    rank: list[Positive] = Field(description="From, to: an entry may share its rank.")
    entries: Count = Field(description="How many rank with it.")
    above: str = Field(description="The entry with the next higher score; '' for the first.")
    gap: float = Field(description="Octaves to that entry.")


class EvaluationStatus(_Judged, _Waiting):
    """State of the newest evaluation on one track."""

    queue_seconds: Count | None = Field(
        description="Seconds until it is likely to start, from the latest evaluations; null once it has."
    )
    stages: list[FinishedStage] = Field(description="Those that are done.")
    reason: Reason | None = Field(description="Why it failed.")
    fault: Fault | None = Field(description="Who is responsible for the failure.")
    sentence: str = Field(description="The reason in words; '' where nothing is wrong.")
    season: str = Field(description="The season's name.")
    suggestion: str = Field(
        description="What would make it resolve more, with the command; '' where the judge found nothing."
    )
    place: Place | None = Field(description="Its rank and neighbour; null where it does not rank.")
    reproduction: Reproduction | None = Field(description="Result of repeating its training.")


class Submission(EvaluationStatus, _Sized):
    """State of a submission: on the open track, or else on the samples track; `evaluations` has both."""

    id: Count = Field(description="The submission's number.")
    url: Url = Field(description="Its page.")
    warnings: list[str] = Field(description="Imports that are not promised where it is judged.")
    evaluations: list[EvaluationStatus] = Field(description="The newest evaluation on each of its tracks.")


class UserName(Value):
    """A person by number and name."""

    id: Count = Field(description="Their number.")
    name: str = Field(description="Their name.")


class Summary(_Sized):
    """A submission in a list."""

    id: Count = Field(description="Its number.")
    user: UserName = Field(description="Who submitted it.")
    method: str = Field(description="In a few words.")
    created_at: Moment = Field(description="When it was submitted, UTC.")
    track: Track | None = Field(description="Of its newest evaluation.")
    status: Status = Field(description="Of its newest evaluation.")
    season: str | None = Field(description="Of its newest evaluation.")
    octaves: float | None = Field(description="The score; of an open season to three digits.")
    url: Url = Field(description="Its page.")


class Submissions(Value):
    """A page of submissions."""

    submissions: list[Summary] = Field(description="The newest first.")
    page: Page


class Entry(_Judged, _Sized):
    """An entry of the board."""

    rank: Ranks | None = Field(description="[best, worst] where the interval says tied.")
    submission_id: Count = Field(description="The submission's number.")
    user_id: Count = Field(description="Who submitted it.")
    method: str = Field(description="In a few words.")
    verified: bool = Field(
        description="Whether somebody watched it learn: it ranks on the samples track, or it was reproduced."
    )
    reproduced: bool = Field(description="Whether an operator repeated its training and reached its octaves.")
    open_octaves: Score | None = Field(description="On the open track, where it ranks there.")
    samples_octaves: Score | None = Field(description="On the samples track, where it ranks there.")
    parameters: Count | None = Field(description="Parameters and buffers.")
    predictions_per_second: float | None = Field(description="On the evaluator's device.")
    device: str | None = Field(description="cpu or cuda.")
    date: Moment = Field(description="When it was judged, UTC.")
    reference: bool = Field(description="Submitted by the platform, as a mark to beat.")


class Unranked(Entry):
    """An entry that does not rank, and why."""

    reason: Reason | None = Field(description="Why it failed.")
    sentence: str = Field(description="The same in words.")


class Pending(_Named, _Waiting):
    """A submission that waits or is being judged."""

    evaluation_id: Count = Field(description="The evaluation's number.")
    submission_id: Count = Field(description="The submission's number.")
    track: Track = Field(description="The track it is judged on.")
    status: Status = Field(description="Where the evaluation is.")


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
    absence: str = Field(description="Why no evaluator is at work; empty where nothing says that none is.")
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


class Season(BoardSeason):
    """What evaluation sets are drawn from."""

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
    reference: bool = Field(description="Whether they submit the references.")
    token: str = Field(description="The token's first letters.")


class Quota(Value):
    """What a person may still submit."""

    a_day: Count = Field(description="Bundles between two midnights, UTC.")
    used_today: Count = Field(description="Bundles submitted today; failures of the platform do not count.")
    at_once: Count = Field(description="Bundles that may wait or be judged at the same time.")
    waiting: Count = Field(description="Bundles that wait or are judged now.")
    renewed_at: Moment = Field(description="When the day ends, UTC.")
    left: Count = Field(description="Bundles that can be submitted now.")


class WeightClasses(Value):
    """The most bytes of each weight class."""

    feather: Count = Field(description="feather")
    light: Count = Field(description="light")
    middle: Count = Field(description="middle")
    heavy: Count = Field(description="heavy")


class Limits(Value):
    """What a bundle may hold, in bytes, and a person submit."""

    quota: Quota | None = Field(description="With a token: what its owner may still submit.")
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
