"""The machines that judge, and how they judged what was known."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from leaderboard.db import Base, UtcDateTime, now


class MachineRow(Base):
    """A machine that judges, in its worker's words."""

    __tablename__ = "machines"
    __table_args__ = (UniqueConstraint("token_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    token_id: Mapped[int] = mapped_column(ForeignKey("tokens.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(64))
    body: Mapped[str] = mapped_column(Text)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    # When it judged a canary otherwise than known, until a person releases it; and what it found.
    stopped_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    stopped_because: Mapped[str] = mapped_column(Text, default="", server_default="")


class Canary(Base):
    """A reference whose figures are known, given to a machine to judge; see services/canaries.py.

    Attributes:
        evaluation_id: the one that its figures are known from.
        lease: digest of the lease's token.
        ended_at: when the machine answered; None where it has not.
        octaves: what it found; None where it could not judge.
    """

    __tablename__ = "canaries"
    __table_args__ = (Index("ix_canaries_machine_id_given_at", "machine_id", "given_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    machine_id: Mapped[int] = mapped_column(ForeignKey("machines.id", ondelete="CASCADE"))
    evaluation_id: Mapped[int] = mapped_column(ForeignKey("evaluations.id", ondelete="CASCADE"), index=True)
    lease: Mapped[str] = mapped_column(String(64))
    given_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    octaves: Mapped[float | None]

    machine: Mapped[MachineRow] = relationship()
