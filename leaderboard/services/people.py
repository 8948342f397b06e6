"""People and their passwords: signing up, signing in, and leaving."""

import re
import secrets
import threading
import unicodedata
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from leaderboard.errors import Refused, conflict
from leaderboard.models import Evaluation, Submission, User
from leaderboard.services import audit, tokens

PASSWORD_LEAST: Final = 10
PASSWORD_MOST: Final = 200
NAME_MOST: Final = 40
_NAME: Final = re.compile(r"\w(?:[\w .'-]*\w)?")

_HASHER: Final = PasswordHasher()
# Each hashing takes 64 MiB: so many at once, however many ask.
_HASHING: Final = threading.BoundedSemaphore(2)
# Somebody who is not there costs the same time as somebody who is.
_NOBODY: Final = _HASHER.hash(secrets.token_hex(16))


def sign_up(session: Session, name: str, password: str) -> User:
    """A new person; Refused where the name is taken or strange, or the password too easy."""
    name = checked_name(session, name)
    user = tokens.add_user(session, name)
    user.password = _hashed(checked_password(name, password))
    audit.record(session, f"user {name}", "sign up", f"user {name}")
    session.flush()
    return user


def checked_name(session: Session, name: str) -> str:
    """A name that a visitor may take, normalised; Refused with 422, or 409 where somebody has it."""
    name = " ".join(unicodedata.normalize("NFKC", name).split())
    if not 2 <= len(name) <= NAME_MOST or not _NAME.fullmatch(name):
        raise Refused(
            422,
            "name_invalid",
            f"A name has 2 to {NAME_MOST} letters, digits, spaces, dots, hyphens or apostrophes, "
            "and begins and ends with a letter or digit.",
        )
    # Nobody may look like somebody else by writing them larger.
    if session.scalar(select(User.id).where(func.lower(User.name) == name.lower()).limit(1)) is not None:
        raise conflict("name_taken", f"There is already somebody called {name}.")
    return name


def checked_password(name: str, password: str) -> str:
    """The password; Refused with 422 where it is too easy or too long."""
    if not PASSWORD_LEAST <= len(password) <= PASSWORD_MOST:
        raise Refused(
            422, "password_length", f"A password has {PASSWORD_LEAST} to {PASSWORD_MOST} characters."
        )
    if len(set(password)) < 4 or (len(name) > 3 and name.lower() in password.lower()):
        raise Refused(
            422,
            "password_easy",
            "This password is easily guessed: it repeats itself, or holds the name.",
            "A few unrelated words are easy to keep and hard to guess.",
        )
    return password


def _hashed(password: str) -> str:
    with _HASHING:
        return _HASHER.hash(password)


def _is_password(stored: str | None, password: str) -> bool:
    if len(password) > PASSWORD_MOST:
        return False
    with _HASHING:
        try:
            return _HASHER.verify(stored or _NOBODY, password) and stored is not None
        except VerificationError:
            return False


def authenticate(session: Session, name: str, password: str) -> User:
    """Who has that name and password, or that name and one of their API tokens; Refused with 401.

    Whom an administrator added has only a token at first.
    """
    name = " ".join(unicodedata.normalize("NFKC", name).split())
    token = tokens.find_token(session, password.strip()) if password.startswith("mbc_") else None
    if token is not None and token.user is not None and token.user.name == name:
        return token.user
    user = tokens.find_user(session, name)
    if not _is_password(user.password if user else None, password) or user is None:
        raise Refused(401, "sign_in", "Name and password do not go together.")
    return user


def rehash(session: Session, user: User, password: str) -> None:
    """Bring a stored password up to today's parameters, now that it is known for a moment."""
    if user.password is not None and _HASHER.check_needs_rehash(user.password):
        session.merge(user).password = _hashed(password)


def confirm_password(user: User, password: str) -> None:
    """Whoever does something that cannot be undone types the password again; Refused with 403."""
    if user.password is not None and not _is_password(user.password, password):
        raise Refused(403, "password_wrong", "This is not your present password.")


def check_deletion(user: User, name: str, password: str) -> None:
    """Whoever leaves types name and password; Refused where one of them is wrong."""
    if name.strip() != user.name:
        raise Refused(422, "name_wrong", "Type your name as it is shown, so that nothing goes by mistake.")
    confirm_password(user, password)


def change_password(session: Session, user: User, old: str, new: str) -> None:
    """Set a password; every other place where the person is signed in is signed out."""
    confirm_password(user, old)
    set_password(session, user, new)
    audit.record(session, f"user {user.name}", "change password", f"user {user.name}")


def set_password(session: Session, user: User, new: str) -> None:
    """Set a password without asking for the old one."""
    user.password = _hashed(checked_password(user.name, new))
    user.session_key = secrets.token_hex(16)
    session.flush()


def find_or_create_by_identity(session: Session, identity: str, wish: str, *, may_make: bool) -> User:
    """The person whom another site knows as `identity`, made where there is none yet and that is allowed."""
    found = session.scalar(select(User).where(User.identity == identity))
    if found is not None:
        return found
    if not may_make:
        raise Refused(403, "sign_up_closed", "Accounts on this server are made by the people who run it.")
    name = _free_name(session, wish)
    user = tokens.add_user(session, name)
    user.identity = identity
    audit.record(session, f"user {name}", "sign up", f"user {name}", identity)
    session.flush()
    return user


def _free_name(session: Session, wish: str) -> str:
    wish = wish[: NAME_MOST - 4] or "somebody"
    for candidate in (wish, *(f"{wish}-{number}" for number in range(2, 100))):
        try:
            return checked_name(session, candidate)
        except Refused as error:
            if error.status != 409:
                return _free_name(session, "somebody")
    raise conflict("name_taken", f"There are too many people called {wish}.")


def delete_submission(session: Session, actor: str, submission: Submission) -> list[int]:
    """Delete an entry with all its results; the ids of the evaluations whose files can go."""
    numbers = list(
        session.scalars(select(Evaluation.id).where(Evaluation.submission_id == submission.id)).all()
    )
    audit.record(session, actor, "delete", f"submission {submission.id}", submission.name)
    # The database deletes what hangs on it.
    session.execute(delete(Submission).where(Submission.id == submission.id))
    return numbers


def delete_account(session: Session, user: User) -> list[int]:
    """Delete a person with all their entries and tokens; the ids of the evaluations whose files can go."""
    if user.reference:
        raise conflict("reference", "The account of the reference submissions belongs to the server.")
    numbers = list(
        session.scalars(
            select(Evaluation.id).join(Evaluation.submission).where(Submission.user_id == user.id)
        ).all()
    )
    audit.record(session, f"user {user.name}", "delete account", f"user {user.name}")
    session.execute(delete(User).where(User.id == user.id))
    return numbers


def submissions_of(session: Session, user: User) -> list[Submission]:
    """A person's entries, the newest first."""
    return list(
        session.scalars(
            select(Submission).where(Submission.user_id == user.id).order_by(Submission.id.desc())
        )
    )
