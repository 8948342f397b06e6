"""People, their tokens and quotas, what moderators did, and what they set."""

from datetime import datetime
from secrets import token_hex

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from leaderboard.db import Base, UtcDateTime, now


class User(Base):
    """A person, or the reference submissions' owner.

    People added by an administrator have no password until they choose one; those from another site have
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
    # May see and do on the admin page what `mbc admin` does.
    administrator: Mapped[bool] = mapped_column(default=False, server_default=false())
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
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    user: Mapped[User | None] = relationship()


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


class SettingRow(Base):
    """What people who run the board set while it runs; see services/settings.py."""

    __tablename__ = "settings"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[str] = mapped_column(Text)
