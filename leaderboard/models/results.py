"""What evaluations leave: ranks, reports, findings of stages, pictures."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from challenge.results.stages import TARGET_STAGES, Stage
from leaderboard.db import Base, UtcDateTime, now
from leaderboard.models.conditions import among


class RankedEntry(Base):
    """An evaluation that ranks; by how many others it is beaten stands in its group's `RankTable`.

    Attributes:
        machine: class of machine on the samples track; '' on the open track.
        octaves_by_chain: float64, (chains,).
        best: whether it is the best entry of its owner; every entry of the references' owner is.
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


class RankTable(Base):
    """The ranks of a group's entries, in one row, for a verdict changes most of them.

    Attributes:
        entries: "all", or "best" for everybody's best entry.
        counts: as `RankCounts.to_bytes` has it; see services/rank_counts.py.
    """

    __tablename__ = "rank_tables"

    season_id: Mapped[int] = mapped_column(ForeignKey("seasons.id"), primary_key=True)
    track: Mapped[str] = mapped_column(String(20), primary_key=True)
    machine: Mapped[str] = mapped_column(String(10), primary_key=True)
    entries: Mapped[str] = mapped_column(String(4), primary_key=True)
    counts: Mapped[bytes] = mapped_column(LargeBinary)


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
        CheckConstraint(among("stage", (Stage.CERTIFICATE, Stage.INTEGRITY, *TARGET_STAGES)), name="stage"),
        CheckConstraint("digest IS NULL OR length(digest) = 64", name="digest"),
    )

    evaluation_id: Mapped[int] = mapped_column(
        ForeignKey("evaluations.id", ondelete="CASCADE"), primary_key=True
    )
    stage: Mapped[str] = mapped_column(String(20), primary_key=True)
    digest: Mapped[str | None] = mapped_column(String(64), index=True)
    body: Mapped[str] = mapped_column(Text)


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


class Reproduction(Base):
    """What came of an entry's training, repeated by an operator, on the set of one season.

    Attributes:
        submitted: octaves of the submitted weights.
        difference_low, difference_high: 95 % interval of the repeated octaves less those.
        agrees: whether the entry counts as reproduced.
        weights: SHA-256 of the repeated weights.
    """

    __tablename__ = "reproductions"
    __table_args__ = (CheckConstraint("octaves >= 0 AND submitted >= 0", name="octaves"),)

    submission_id: Mapped[int] = mapped_column(
        ForeignKey("submissions.id", ondelete="CASCADE"), primary_key=True
    )
    season_id: Mapped[int] = mapped_column(ForeignKey("seasons.id"), primary_key=True)
    octaves: Mapped[float]
    submitted: Mapped[float]
    difference_low: Mapped[float]
    difference_high: Mapped[float]
    agrees: Mapped[bool]
    weights: Mapped[str] = mapped_column(String(64))
    steps: Mapped[int]
    seconds: Mapped[float]
    machine: Mapped[str] = mapped_column(String(80))
    device: Mapped[str] = mapped_column(String(80))
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
