"""What an entry builds on, and what builds on it, as `builds_on` of the manifests says."""

import difflib
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from challenge.results.verdicts import Status
from leaderboard.models import Evaluation, Submission, SubmissionText
from leaderboard.services import submissions

# The name under which the manifest's word is kept among the texts of a submission.
TEXT: Final = "builds_on"
_LONGEST_LINE: Final = 50


@dataclass(frozen=True)
class Lineage:
    """The relatives of an entry.

    Attributes:
        parent: the entry that it builds on, if that is one of this board that everybody may see.
        address: the web address that it builds on, else "".
        children: entries that build on it, the oldest first.
        disqualified: the nearest ancestor that a person has disqualified; None if there is none.
        difference: how its code differs from the parent's, as a unified diff; "" without a parent.
    """

    parent: Submission | None
    address: str
    children: tuple[Submission, ...]
    disqualified: Submission | None
    difference: str

    @property
    def is_known(self) -> bool:
        """Whether there is anything to show."""
        return bool(self.parent or self.address or self.children)


def lineage(session: Session, submission: Submission) -> Lineage:
    """The relatives of a submission, as far as everybody may see them."""
    named = submissions.text(session, submission, TEXT)
    parent = _visible(session, named)
    children = session.scalars(
        select(Submission)
        .join(SubmissionText, SubmissionText.submission_id == Submission.id)
        .where(
            SubmissionText.name == TEXT,
            SubmissionText.content == str(submission.id),
            Submission.hidden_at.is_(None),
        )
        .order_by(Submission.id)
    )
    return Lineage(
        parent,
        named if named.startswith(("http://", "https://")) else "",
        tuple(children),
        _disqualified(session, parent),
        _difference(session, parent, submission) if parent else "",
    )


def family(session: Session, number: int) -> frozenset[int]:
    """A submission and all its relatives, in both directions; the number alone where it has none."""
    pairs = session.execute(
        select(SubmissionText.submission_id, SubmissionText.content).where(SubmissionText.name == TEXT)
    )
    near: dict[int, set[int]] = {}
    for child, named in pairs:
        if named.isdecimal():
            near.setdefault(child, set()).add(int(named))
            near.setdefault(int(named), set()).add(child)
    found, waiting = {number}, [number]
    while waiting:
        new = near.get(waiting.pop(), set()) - found
        found |= new
        waiting += new
    return frozenset(found)


def _visible(session: Session, number: str) -> Submission | None:
    found = session.get(Submission, int(number)) if number.isdecimal() else None
    return found if found is not None and found.hidden_at is None else None


def _disqualified(session: Session, submission: Submission | None) -> Submission | None:
    seen: set[int] = set()
    while submission is not None and submission.id not in seen and len(seen) < _LONGEST_LINE:
        seen.add(submission.id)
        if session.scalar(
            select(Evaluation.id)
            .where(Evaluation.submission_id == submission.id, Evaluation.status == Status.DISQUALIFIED.value)
            .limit(1)
        ):
            return submission
        submission = _visible(session, submissions.text(session, submission, TEXT))
    return None


def _difference(session: Session, parent: Submission, child: Submission) -> str:
    before, after = submissions.sources(session, parent), submissions.sources(session, child)
    lines: list[str] = []
    for name in sorted({*before, *after}):
        lines += difflib.unified_diff(
            before.get(name, "").splitlines(),
            after.get(name, "").splitlines(),
            f"{parent.id}/{name}",
            f"{child.id}/{name}",
            lineterm="",
        )
    return "\n".join(lines)
