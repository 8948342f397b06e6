"""Tokens and their owners. Only the SHA-256 of a token is kept."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, contains_eager

from leaderboard.db import now
from leaderboard.errors import Refused, conflict, not_found
from leaderboard.models import Token, User

_MARK: Final = {"user": "mbc_", "worker": "mbw_"}
_SHOWN: Final = 10


def digest_of(secret: str) -> str:
    """What is kept of a token or a lease."""
    return hashlib.sha256(secret.encode()).hexdigest()


def add_user(session: Session, name: str, *, reference: bool = False) -> User:
    """A new user; Refused where the name is taken or empty."""
    name = name.strip()
    if not name or len(name) > 80 or not name.isprintable():
        raise Refused(422, "name_invalid", "A user's name has 1 to 80 printable characters.")
    user = User(name=name, reference=reference)
    try:
        with session.begin_nested():
            session.add(user)
    except IntegrityError as error:
        raise conflict("name_taken", f"There is already a user called {name}.") from error
    return user


def find_user(session: Session, name: str) -> User | None:
    """The user of that name."""
    # PostgreSQL has no place for the zero character, not even in a question.
    return None if "\0" in name else session.scalar(select(User).where(User.name == name))


def ensure_user(session: Session, name: str, *, reference: bool = False) -> User:
    """The user of that name, made where there is none."""
    return find_user(session, name) or add_user(session, name, reference=reference)


def new_token(session: Session, user: User | None, label: str = "", *, days: int | None = None) -> str:
    """A new token of a user, or of a worker where there is no user. It is shown this once.

    Args:
        session: writes.
        user: its owner; None for a worker's.
        label: what it is for.
        days: how long it is valid; None: without end.
    """
    kind = "user" if user else "worker"
    secret = _MARK[kind] + secrets.token_urlsafe(32)
    session.add(
        Token(
            kind=kind,
            user=user,
            label=label.replace("\0", "")[:80],
            prefix=secret[:_SHOWN],
            digest=digest_of(secret),
            expires_at=None if days is None else now() + timedelta(days=days),
        )
    )
    session.flush()
    return secret


def _living() -> ColumnElement[bool]:
    """Neither revoked nor expired."""
    unexpired = or_(Token.expires_at.is_(None), Token.expires_at > now())
    return and_(Token.revoked_at.is_(None), unexpired)


def find_token(session: Session, secret: str) -> Token | None:
    """The living token of that secret."""
    return session.scalar(
        select(Token)
        .outerjoin(Token.user)
        .options(contains_eager(Token.user))
        .where(Token.digest == digest_of(secret), _living(), User.banned_at.is_(None))
    )


def revoke(session: Session, prefix: str) -> Token:
    """Revoke the one living token whose first letters these are."""
    if len(prefix) < 6:
        raise Refused(422, "prefix_short", "Give at least the first six letters of the token.")
    if len(prefix) > _SHOWN:
        prefix = prefix[:_SHOWN]
    found = session.scalars(
        select(Token).where(Token.prefix.startswith(prefix, autoescape=True), Token.revoked_at.is_(None))
    ).all()
    if not found:
        raise not_found("token")
    if len(found) > 1:
        raise conflict("prefix_ambiguous", f"{len(found)} tokens begin like this; give more letters.")
    found[0].revoked_at = now()
    return found[0]


def list_tokens(session: Session, user: User) -> Sequence[Token]:
    """A person's living tokens."""
    return session.scalars(select(Token).where(Token.user_id == user.id, _living()).order_by(Token.id)).all()


def list_all(session: Session) -> Sequence[Token]:
    """Everybody's tokens, revoked ones as well."""
    return session.scalars(select(Token).order_by(Token.id)).all()


def to_dict(token: Token) -> dict[str, Any]:
    """Plain values that JSON can hold; never the token itself."""
    return {
        "prefix": token.prefix,
        "kind": token.kind,
        "user": token.user.name if token.user else None,
        "label": token.label,
        "valid": token.revoked_at is None and (token.expires_at is None or token.expires_at > now()),
        "expires_at": token.expires_at.isoformat(timespec="seconds") if token.expires_at else None,
        "created_at": token.created_at.isoformat(timespec="seconds"),
    }


def revoke_own(session: Session, user: User, token_id: int) -> Token:
    """Revoke a token of that person; Refused with 404."""
    token = session.get(Token, token_id)
    if token is None or token.user_id != user.id:
        raise not_found("token")
    token.revoked_at = token.revoked_at or now()
    return token


def authenticate(session: Session, header: str | None, kind: str) -> Token:
    """The token of an Authorization header; Refused: 401 where it is missing or wrong, 403 if misplaced."""
    scheme, _, secret = (header or "").partition(" ")
    token = find_token(session, secret.strip()) if scheme.lower() == "bearer" else None
    if token is None:
        raise Refused(
            401,
            "token_invalid" if header else "token_missing",
            "This token is not valid here." if header else "This needs a token.",
            "Send it as `Authorization: Bearer TOKEN`; `mbc login` stores one.",
        )
    if token.kind != kind:
        raise Refused(403, "token_kind", f"This needs a {kind}'s token.")
    return token
