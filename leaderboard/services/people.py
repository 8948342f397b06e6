"""People and their passwords: signing up, signing in, and leaving."""

import re
import secrets
import threading
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from leaderboard.config import Config
from leaderboard.db import now, on_commit
from leaderboard.errors import Refused, conflict, not_found
from leaderboard.models import Evaluation, Submission, User
from leaderboard.services import artifacts, audit, rankings, submissions, tokens

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
    user = sign_up_by_name(session, name)
    user.password = _hashed(checked_password(user.name, password))
    session.flush()
    return user


def sign_up_by_name(session: Session, name: str) -> User:
    """A new person without a password, known to one browser until they set one; Refused as in `sign_up`."""
    name = checked_name(session, name)
    user = tokens.add_user(session, name)
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
        raise Refused(401, "sign_in", "Wrong name or password.")
    _check_banned(user)
    return user


def _check_banned(user: User) -> None:
    if user.banned_at is not None:
        raise Refused(403, "banned", "This account was closed by the people who run this server.")


def ban(session: Session, user: User, *, banned: bool) -> None:
    """Close an account to its owner, whose entries stay as they are, or open it again; Refused with 409."""
    if banned == (user.banned_at is not None):
        raise conflict("banned", f"{user.name} is {'banned' if banned else 'not banned'} already.")
    user.banned_at = now() if banned else None
    session.flush()


def set_administrator(session: Session, user: User, *, administrator: bool) -> None:
    """Let somebody use the admin page, or not; Refused with 409 where it is so already."""
    if administrator == user.administrator:
        raise conflict("role", f"{user.name} is {'an' if administrator else 'no'} administrator already.")
    user.administrator = administrator
    session.flush()


def rehash(session: Session, user: User, password: str) -> None:
    """Bring a stored password up to today's parameters, now that it is known for a moment."""
    if user.password is not None and _HASHER.check_needs_rehash(user.password):
        session.merge(user).password = _hashed(password)


def confirm_password(user: User, password: str) -> None:
    """Refused with 403 unless this is the password of the user: asked before what cannot be undone."""
    if user.password is not None and not _is_password(user.password, password):
        raise Refused(403, "password_wrong", "This is not your present password.")


def check_deletion(user: User, name: str, password: str) -> None:
    """Deleting an account asks for name and password; Refused where one of them is wrong."""
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
    end_sessions(user)
    session.flush()


def end_sessions(user: User) -> None:
    """Make every cookie that was given to this person worthless."""
    user.session_key = secrets.token_hex(16)


def find_or_create_by_identity(session: Session, identity: str, wanted_name: str, *, may_make: bool) -> User:
    """The person whom another site knows as `identity`, made where there is none yet and that is allowed."""
    found = session.scalar(select(User).where(User.identity == identity))
    if found is not None:
        _check_banned(found)
        return found
    if not may_make:
        raise Refused(403, "sign_up_closed", "Accounts on this server are made by the people who run it.")
    name = _free_name(session, wanted_name)
    user = tokens.add_user(session, name)
    user.identity = identity
    audit.record(session, f"user {name}", "sign up", f"user {name}", identity)
    session.flush()
    return user


def _free_name(session: Session, wanted: str) -> str:
    wanted = wanted[: NAME_MOST - 4] or "somebody"
    for candidate in (wanted, *(f"{wanted}-{number}" for number in range(2, 100))):
        try:
            return checked_name(session, candidate)
        except Refused as error:
            if error.status != 409:
                return _free_name(session, "somebody")
    raise conflict("name_taken", f"There are too many people called {wanted}.")


def delete_submission(session: Session, config: Config, actor: str, submission: Submission) -> None:
    """Delete an entry with all its results, and after the commit its files."""
    _withdraw(session, config, [submission])
    audit.record(session, actor, "delete", f"submission {submission.id}", submission.name)
    # The database deletes what hangs on it.
    session.execute(delete(Submission).where(Submission.id == submission.id))


def delete_own_submission(session: Session, config: Config, user: User, submission_id: int) -> None:
    """Delete an entry for its owner; Refused with 403 or 404."""
    found = submissions.get(session, submission_id)
    if found.user_id != user.id:
        raise Refused(403, "not_yours", "Only the person who handed it in can delete it.")
    delete_submission(session, config, f"user {user.name}", found)


def delete_account(session: Session, config: Config, user: User) -> None:
    """Delete a person with all their entries and tokens, and after the commit the entries' files."""
    if user.reference:
        raise conflict("reference", "The account of the reference submissions belongs to the server.")
    entries = session.scalars(select(Submission).where(Submission.user_id == user.id)).all()
    _withdraw(session, config, entries)
    audit.record(session, f"user {user.name}", "delete account", f"user {user.name}")
    session.execute(delete(User).where(User.id == user.id))


def _withdraw(session: Session, config: Config, entries: Sequence[Submission]) -> None:
    """Take entries off the boards; after the commit, delete their files.

    A file too many does no harm, a row without its file does.
    """
    for entry in entries:
        rankings.withdraw(session, entry)
    numbers = session.scalars(
        select(Evaluation.id).where(Evaluation.submission_id.in_([entry.id for entry in entries]))
    ).all()
    digests = {entry.digest for entry in entries}

    def remove() -> None:
        artifacts.remove_files(config, numbers)
        with Session(session.get_bind()) as other:
            submissions.remove_files(other, config, digests)

    on_commit(session, remove)


def get(session: Session, user_id: int) -> User:
    """The person; Refused with 404."""
    user = session.get(User, user_id)
    if user is None:
        raise not_found("person")
    return user


@dataclass(frozen=True)
class ListedUser:
    """A person, and how many bundles they have submitted."""

    user: User
    submissions: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values that JSON can hold."""
        user = self.user
        by_password = "a password" if user.password else "a token"
        return {
            "id": user.id,
            "name": user.name,
            "reference": user.reference,
            "signs_in_with": user.identity.partition(":")[0] if user.identity else by_password,
            "submissions": self.submissions,
            "created_at": user.created_at.isoformat(timespec="seconds"),
        }


def list_users(session: Session, *, newest: int | None = None) -> list[ListedUser]:
    """Everybody, in the order in which they came, or only so many, the newest first."""
    count = (
        select(func.count())
        .select_from(Submission)
        .where(Submission.user_id == User.id)
        .correlate(User)
        .scalar_subquery()
    )
    query = select(User, count).order_by(User.id if newest is None else User.id.desc()).limit(newest)
    rows = session.execute(query)
    return [ListedUser(user, number) for user, number in rows]
