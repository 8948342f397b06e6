"""Submissions and their evaluations."""

from datetime import datetime

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from challenge.results.verdicts import EXPLANATIONS, Fault, Reason, Status
from challenge.scoring.tracks import BUDGETS, Track
from leaderboard.db import Base, UtcDateTime, now
from leaderboard.models.conditions import FINAL_STATUS, LIVE, LONG_AGO, among
from leaderboard.models.people import User
from leaderboard.models.seasons import SeasonRow


class Submission(Base):
    """A bundle that was accepted; its bytes lie in the data directory under `digest`."""

    __tablename__ = "submissions"
    __table_args__ = (
        UniqueConstraint("user_id", "digest"),
        CheckConstraint("bytes > 0", name="bytes"),
        CheckConstraint("length(digest) = 64", name="digest"),
        # Few are.
        Index(
            "ix_submissions_hidden",
            "id",
            sqlite_where=text("hidden_at IS NOT NULL"),
            postgresql_where=text("hidden_at IS NOT NULL"),
        ),
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
        CheckConstraint(among("status", Status), name="status"),
        CheckConstraint("fault IS NULL OR " + among("fault", Fault), name="fault"),
        CheckConstraint("(status = 'failed') = (reason IS NOT NULL)", name="failed_has_reason"),
        CheckConstraint("(reason IS NULL) = (fault IS NULL)", name="reason_has_fault"),
        CheckConstraint("(finished_at IS NOT NULL) = (" + FINAL_STATUS + ")", name="finished"),
        CheckConstraint(
            "status NOT IN ('scored', 'rejected') OR octaves IS NOT NULL", name="scored_has_octaves"
        ),
        CheckConstraint("octaves IS NULL OR octaves >= 0", name="octaves"),
        CheckConstraint("progress >= 0 AND progress <= 1", name="progress"),
        CheckConstraint("attempts >= 0", name="attempts"),
        CheckConstraint(among("track", Track), name="track"),
        CheckConstraint(among("machine", BUDGETS), name="machine"),
        # At most one is under way for a submission, season and track.
        Index(
            "uq_evaluations_live",
            "submission_id",
            "season_id",
            "track",
            unique=True,
            sqlite_where=text(LIVE),
            postgresql_where=text(LIVE),
        ),
        Index("ix_evaluations_season_id_status", "season_id", "status"),
        # Answers "has anything changed on the board" without a look at the rows.
        Index("ix_evaluations_season_id_finished_at", "season_id", "finished_at"),
        # The latest of a track, from which waits are expected.
        Index("ix_evaluations_track_finished_at", "track", "finished_at"),
        # Few wait, however many have been judged. The queue, in order, and that of one board.
        Index(
            "ix_evaluations_waiting",
            "status",
            "urgency",
            "turn_at",
            "id",
            sqlite_where=text("finished_at IS NULL"),
            postgresql_where=text("finished_at IS NULL"),
        ),
        Index(
            "ix_evaluations_pending",
            "season_id",
            "track",
            "urgency",
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
    # Its class and its turn in the queue; see services/queue_order.py.
    urgency: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")
    turn_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, server_default=LONG_AGO)
    # After a fault of the platform it is not tried again before this moment, by `clock.monotonic_utcnow`.
    ready_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # It waits until its owner asks for the stages that are not done; see services/deferral.py.
    deferred: Mapped[bool] = mapped_column(default=False, server_default=false())
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
    # Of the machine that posted last, beside the one that budgets are quoted for.
    speed: Mapped[float | None]
    flagged: Mapped[bool] = mapped_column(default=False)
    # When a person decided that it ranks although it is flagged.
    accepted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # When an operator repeated its training and reached its octaves again.
    reproduced_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    thumbnail: Mapped[str | None] = mapped_column(String(80))
    # The id of the upload in the log lines of servers and workers.
    trace: Mapped[str] = mapped_column(String(32), default="", server_default="")

    submission: Mapped[Submission] = relationship(back_populates="evaluations")
    season: Mapped[SeasonRow] = relationship()

    @property
    def state(self) -> Status:
        """The status as the challenge's own value."""
        return Status(self.status)

    @property
    def ranks(self) -> bool:
        """Whether it has a rank: what is flagged has one when a person accepts it, or it was reproduced."""
        return self.state is Status.SCORED and not self.awaits_decision

    @property
    def awaits_decision(self) -> bool:
        """Whether it was scored and flagged, no person has decided yet, and it was not reproduced."""
        decided = self.accepted_at is not None or self.reproduced
        return self.state is Status.SCORED and self.flagged and not decided

    @property
    def reproduced(self) -> bool:
        """Whether an operator repeated its training and reached its octaves again."""
        return self.reproduced_at is not None

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
