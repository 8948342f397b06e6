"""Seasons: the secret, what was published of it, and how large the evaluation sets are."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from challenge.scoring.evaluation_set import EvaluationSize
from challenge.scoring.season import SECRET_BYTES, Season
from challenge.scoring.tracks import BUDGETS, CPU, GPU, SAMPLES, Track, samples_size
from leaderboard.db import Base, UtcDateTime, now


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
    # The class of machine that judges the open track; '' for any. A worker takes what is its own.
    judged_on: Mapped[str] = mapped_column(String(10), default="", server_default="")
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
