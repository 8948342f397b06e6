"""The tables, and the invariants that the database itself keeps."""

from datetime import datetime
from secrets import token_hex
from typing import Final

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from challenge.results.stages import Stage
from challenge.results.verdicts import EXPLANATIONS, FINAL, Fault, Reason, Status
from challenge.scoring.evaluation_set import EvaluationSize
from challenge.scoring.season import SECRET_BYTES, Season
from challenge.scoring.tracks import BUDGETS, CPU, GPU, SAMPLES, Track, samples_size
from leaderboard.db import Base, UtcDateTime, now


def _among(column: str, values: object) -> str:
    return f"{column} IN ({', '.join(repr(str(v)) for v in sorted(values))})"  # type: ignore[call-overload]


# For rows that were there before their column.
LONG_AGO: Final = "1970-01-01 00:00:00.000000"

_FINAL: Final = _among("status", FINAL)
_LIVE: Final = _among("status", set(Status) - FINAL)


class User(Base):
    """A person, or the reference submissions' owner.

    Who was added by an administrator has no password until they choose one; who comes from another site has
    that site's name for them as `identity`, such as "github:583231".
    """

    __tablename__ = "users"
    __table_args__ = (Index("uq_users_identity", "identity", unique=True),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    reference: Mapped[bool] = mapped_column(default=False)
    password: Mapped[str | None] = mapped_column(String(200))  # argon2's own notation
    identity: Mapped[str | None] = mapped_column(String(80))
    # Cookies name it: a new one signs out everywhere.
    session_key: Mapped[str] = mapped_column(String(32), default=lambda: token_hex(16), server_default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    # Neither passwords nor tokens of this person are valid any more.
    banned_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Token(Base):
    """A token for the API: only its SHA-256 is kept, and its first letters to tell it from others."""

    __tablename__ = "tokens"
    __table_args__ = (
        CheckConstraint("kind IN ('user', 'worker')", name="kind"),
        CheckConstraint("(kind = 'worker') = (user_id IS NULL)", name="owner"),
        CheckConstraint("length(digest) = 64", name="digest"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    label: Mapped[str] = mapped_column(String(80), default="")
    prefix: Mapped[str] = mapped_column(String(12))
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    user: Mapped[User | None] = relationship()


class SeasonRow(Base):
    """A season: its secret, what was published of it, and how large its evaluation sets are."""

    __tablename__ = "seasons"
    __table_args__ = (
        CheckConstraint(f"length(secret) = {SECRET_BYTES}", name="secret"),
        CheckConstraint("length(commitment) = 64", name="commitment"),
        CheckConstraint("chains > 0 AND octaves > 0 AND points > 1", name="size"),
        CheckConstraint("samples > 1", name="samples"),
        CheckConstraint("cpu_seconds > 0", name="cpu_seconds"),
        CheckConstraint("gpu_seconds > 0", name="gpu_seconds"),
        # One ranked season is open at a time: `ranked` is 1 in each row that this index holds.
        Index(
            "uq_seasons_open",
            "ranked",
            unique=True,
            sqlite_where=text("ranked AND closed_at IS NULL AND opens_at IS NULL"),
            postgresql_where=text("ranked AND closed_at IS NULL AND opens_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    commitment: Mapped[str] = mapped_column(String(64), unique=True)
    ranked: Mapped[bool] = mapped_column(default=True)
    chains: Mapped[int]
    octaves: Mapped[int]
    points: Mapped[int]
    # What the samples track gives for each target: with other budgets, results could not be compared.
    samples: Mapped[int] = mapped_column(default=SAMPLES, server_default=str(SAMPLES))
    cpu_seconds: Mapped[float] = mapped_column(default=BUDGETS[CPU], server_default=str(BUDGETS[CPU]))
    gpu_seconds: Mapped[float] = mapped_column(default=BUDGETS[GPU], server_default=str(BUDGETS[GPU]))
    # Grows with every change of what the season's boards show.
    board_version: Mapped[int] = mapped_column(default=0, server_default="0")
    # When it is to open, until it has; see services/seasons.py.
    opens_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    closes_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # When its secret became public: after it closed, and after the last verdict.
    revealed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    @property
    def season(self) -> Season:
        """The challenge's own value."""
        return Season(self.name, self.secret)

    def size(self, track: Track = Track.OPEN) -> EvaluationSize:
        """How large the evaluation set of a track is; on the samples track, each target's."""
        whole = EvaluationSize(self.chains, self.octaves, self.points)
        return whole if track is Track.OPEN else samples_size(whole)

    @property
    def budgets(self) -> dict[str, float]:
        """Seconds for one target by class of machine."""
        return {CPU: self.cpu_seconds, GPU: self.gpu_seconds}

    @property
    def revealed(self) -> bool:
        """Whether the secret is public, and with it what the targets of the samples track look like."""
        return not self.ranked or self.revealed_at is not None

    @property
    def state(self) -> str:
        """practice, scheduled, open, or closed."""
        if not self.ranked:
            return "practice"
        if self.closed_at is not None:
            return "closed"
        return "open" if self.opens_at is None else "scheduled"


class Submission(Base):
    """A bundle that was accepted; its bytes lie in the data directory under `digest`."""

    __tablename__ = "submissions"
    __table_args__ = (
        UniqueConstraint("user_id", "digest"),
        CheckConstraint("bytes > 0", name="bytes"),
        CheckConstraint("length(digest) = 64", name="digest"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    author: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(Text)
    method: Mapped[str] = mapped_column(String(200), default="")
    license: Mapped[str] = mapped_column(String(200), default="")
    url: Mapped[str] = mapped_column(String(200), default="")
    paper: Mapped[str] = mapped_column(String(200), default="")
    digest: Mapped[str] = mapped_column(String(64), index=True)
    bytes: Mapped[int]
    weight_class: Mapped[str] = mapped_column(String(20))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    # A person took it off the board; its owner still sees its page.
    hidden_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    user: Mapped[User] = relationship()
    evaluations: Mapped[list["Evaluation"]] = relationship(
        back_populates="submission", order_by="Evaluation.id", cascade="all, delete-orphan"
    )


class SubmissionText(Base):
    """A text of a bundle that pages show: sources, README.md, train.toml."""

    __tablename__ = "submission_texts"

    submission_id: Mapped[int] = mapped_column(
        ForeignKey("submissions.id", ondelete="CASCADE"), primary_key=True
    )
    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    content: Mapped[str] = mapped_column(Text)


class Evaluation(Base):
    """One judging of a submission in a season, on a track. Judging again adds a row and overwrites nothing.

    `machine` is the class of the machine that a report of the samples track came from.
    """

    __tablename__ = "evaluations"
    __table_args__ = (
        CheckConstraint(_among("status", Status), name="status"),
        CheckConstraint("fault IS NULL OR " + _among("fault", Fault), name="fault"),
        CheckConstraint("(status = 'failed') = (reason IS NOT NULL)", name="failed_has_reason"),
        CheckConstraint("(reason IS NULL) = (fault IS NULL)", name="reason_has_fault"),
        CheckConstraint("(finished_at IS NOT NULL) = (" + _FINAL + ")", name="finished"),
        CheckConstraint(
            "status NOT IN ('scored', 'rejected') OR octaves IS NOT NULL", name="scored_has_octaves"
        ),
        CheckConstraint("octaves IS NULL OR octaves >= 0", name="octaves"),
        CheckConstraint("progress >= 0 AND progress <= 1", name="progress"),
        CheckConstraint("attempts >= 0", name="attempts"),
        CheckConstraint(_among("track", Track), name="track"),
        CheckConstraint(_among("machine", BUDGETS), name="machine"),
        # At most one is under way for a submission, season and track.
        Index(
            "uq_evaluations_live",
            "submission_id",
            "season_id",
            "track",
            unique=True,
            sqlite_where=text(_LIVE),
            postgresql_where=text(_LIVE),
        ),
        Index("ix_evaluations_season_id_status", "season_id", "status"),
        # Answers "has anything changed on the board" without a look at the rows.
        Index("ix_evaluations_season_id_finished_at", "season_id", "finished_at"),
        # Few wait, however many have been judged.
        Index(
            "ix_evaluations_waiting",
            "status",
            "turn_at",
            "id",
            sqlite_where=text("finished_at IS NULL"),
            postgresql_where=text("finished_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey("submissions.id", ondelete="CASCADE"), index=True)
    season_id: Mapped[int] = mapped_column(ForeignKey("seasons.id"))
    track: Mapped[str] = mapped_column(String(20), default=Track.OPEN.value, server_default=Track.OPEN.value)

    status: Mapped[str] = mapped_column(String(20), default=Status.QUEUED.value)
    progress: Mapped[float] = mapped_column(default=0.0)
    message: Mapped[str] = mapped_column(Text, default="")
    reason: Mapped[str | None] = mapped_column(String(40))
    fault: Mapped[str | None] = mapped_column(String(20))
    detail: Mapped[str] = mapped_column(Text, default="")
    attempts: Mapped[int] = mapped_column(default=0)

    # The digest of the lease's token stays when the evaluation is final: the same worker may repeat itself.
    lease: Mapped[str | None] = mapped_column(String(64))
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    holder_id: Mapped[int | None] = mapped_column(ForeignKey("tokens.id", ondelete="SET NULL"))
    # Its place in the queue; see services/queue_order.py.
    turn_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, server_default=LONG_AGO)
    # After a fault of the platform it is not tried again before this moment, by `clock.monotonic_utcnow`.
    ready_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    queued_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    claimed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    # Figures of the report that lists and pages need, in full precision.
    octaves: Mapped[float | None]
    interval_low: Mapped[float | None]
    interval_high: Mapped[float | None]
    depth: Mapped[float | None]
    precision_db: Mapped[float | None]
    universality: Mapped[float | None]
    parameters: Mapped[int | None]
    predictions_per_second: Mapped[float | None]
    device: Mapped[str | None] = mapped_column(String(80))
    machine: Mapped[str | None] = mapped_column(String(10))
    flagged: Mapped[bool] = mapped_column(default=False)
    # When a person decided that it ranks although it is flagged.
    accepted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    thumbnail: Mapped[str | None] = mapped_column(String(80))

    submission: Mapped[Submission] = relationship(back_populates="evaluations")
    season: Mapped[SeasonRow] = relationship()

    @property
    def state(self) -> Status:
        """The status as the challenge's own value."""
        return Status(self.status)

    @property
    def ranks(self) -> bool:
        """Whether it has a rank: what is flagged ranks when a person has accepted it."""
        return self.state is Status.SCORED and not self.awaits_decision

    @property
    def awaits_decision(self) -> bool:
        """Whether it was scored and flagged, and no person has decided yet."""
        return self.state is Status.SCORED and self.flagged and self.accepted_at is None

    @property
    def provisional(self) -> bool:
        """Whether its octaves are measured and its verdict is not there yet."""
        return self.octaves is not None and not self.state.final

    @property
    def sentence(self) -> str:
        """Why it failed or was set aside, in words for everybody; '' where nothing is wrong."""
        if self.reason:
            return f"{EXPLANATIONS[Reason(self.reason)].sentence} {self.detail}".strip()
        return self.detail


class RankedEntry(Base):
    """An evaluation that ranks, and with how many others it is not tied; see services/rankings.py.

    Attributes:
        machine: class of machine on the samples track; '' on the open track.
        octaves_by_chain: float64, (chains,).
        best: whether it is the best entry of its owner; every entry of the references' owner is.
        better, worse: how many of all entries of its group are significantly better and worse.
        better_best, worse_best: the same of the best entries; kept while it is one of them.
    """

    __tablename__ = "ranked_entries"
    __table_args__ = (
        Index("ix_ranked_entries_group", "season_id", "track", "machine", "octaves"),
        Index("ix_ranked_entries_user_id", "user_id"),
        Index("ix_ranked_entries_submission_id", "submission_id"),
    )

    evaluation_id: Mapped[int] = mapped_column(
        ForeignKey("evaluations.id", ondelete="CASCADE"), primary_key=True
    )
    submission_id: Mapped[int] = mapped_column(ForeignKey("submissions.id", ondelete="CASCADE"))
    season_id: Mapped[int] = mapped_column(ForeignKey("seasons.id"))
    track: Mapped[str] = mapped_column(String(20))
    machine: Mapped[str] = mapped_column(String(10))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    octaves: Mapped[float]
    octaves_by_chain: Mapped[bytes] = mapped_column(LargeBinary)
    best: Mapped[bool] = mapped_column(default=False)
    better: Mapped[int] = mapped_column(default=0)
    worse: Mapped[int] = mapped_column(default=0)
    better_best: Mapped[int] = mapped_column(default=0)
    worse_best: Mapped[int] = mapped_column(default=0)


class ReportRow(Base):
    """The report of an evaluation, whole, and the skill by chain as numbers."""

    __tablename__ = "reports"
    __table_args__ = (CheckConstraint("length(digest) = 64", name="digest"),)

    evaluation_id: Mapped[int] = mapped_column(
        ForeignKey("evaluations.id", ondelete="CASCADE"), primary_key=True
    )
    digest: Mapped[str] = mapped_column(String(64))
    body: Mapped[str] = mapped_column(Text)
    skill: Mapped[bytes] = mapped_column(LargeBinary)  # float64, (octaves,)
    skill_by_chain: Mapped[bytes] = mapped_column(LargeBinary)  # float64, (chains, octaves)


class StageRow(Base):
    """What a stage of an evaluation found after the first one, whose findings are a report already.

    `digest` is a certificate's: of the code, the season, the trainer, the device class and torch. It is None
    for other stages, for a certificate that was found in another evaluation, and for one that is withdrawn.
    """

    __tablename__ = "stages"
    __table_args__ = (
        CheckConstraint(_among("stage", (Stage.CERTIFICATE, Stage.INTEGRITY)), name="stage"),
        CheckConstraint("digest IS NULL OR length(digest) = 64", name="digest"),
    )

    evaluation_id: Mapped[int] = mapped_column(
        ForeignKey("evaluations.id", ondelete="CASCADE"), primary_key=True
    )
    stage: Mapped[str] = mapped_column(String(20), primary_key=True)
    digest: Mapped[str | None] = mapped_column(String(64), index=True)
    body: Mapped[str] = mapped_column(Text)


class HandIn(Base):
    """One use of a person's quota; it outlives the entry, so that deleting an entry gives nothing back."""

    __tablename__ = "hand_ins"
    __table_args__ = (Index("ix_hand_ins_user_id_at", "user_id", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    evaluation_id: Mapped[int | None] = mapped_column(
        ForeignKey("evaluations.id", ondelete="SET NULL"), index=True
    )
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class AuditRow(Base):
    """Something that a person did to people, entries or seasons. Rows are only ever added."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, index=True)
    actor: Mapped[str] = mapped_column(String(100))
    action: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(200))
    detail: Mapped[str] = mapped_column(Text, default="")


class Artifact(Base):
    """A picture that a worker made; the file lies in the data directory."""

    __tablename__ = "artifacts"
    __table_args__ = (
        UniqueConstraint("evaluation_id", "name"),
        CheckConstraint("bytes > 0", name="bytes"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    evaluation_id: Mapped[int] = mapped_column(ForeignKey("evaluations.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(80))
    digest: Mapped[str] = mapped_column(String(64))
    bytes: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class MachineRow(Base):
    """A machine that judges, in its worker's words."""

    __tablename__ = "machines"
    __table_args__ = (UniqueConstraint("token_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    token_id: Mapped[int] = mapped_column(ForeignKey("tokens.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(64))
    body: Mapped[str] = mapped_column(Text)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
