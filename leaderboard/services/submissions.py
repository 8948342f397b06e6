"""Submissions: their bundles, texts, licences, and the evaluations that they stand by."""

import re
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session, contains_eager, joinedload

from challenge.results.verdicts import Status
from challenge.scoring.tracks import Track
from leaderboard.config import Config
from leaderboard.db import now
from leaderboard.errors import Refused, conflict, not_found
from leaderboard.models import Evaluation, SeasonRow, Submission, SubmissionText
from leaderboard.services import rankings
from leaderboard.storage import storage_of
from leaderboard.storage.interface import BUNDLES

_JUDGED: Final = (Status.SCORED.value, Status.REJECTED.value)


def bundle_key(digest: str) -> str:
    """Where the bundle of that digest lies in the storage."""
    return f"{BUNDLES}/{digest[:2]}/{digest}.zip"


def get(session: Session, submission_id: int) -> Submission:
    """The submission; Refused with 404."""
    submission = session.get(Submission, submission_id)
    if submission is None:
        raise not_found("submission")
    return submission


def hide(session: Session, submission: Submission, *, hidden: bool) -> None:
    """Take an entry off the board, or put it back; its owner sees its page all the same."""
    if hidden == (submission.hidden_at is not None):
        raise conflict("hidden", f"Submission {submission.id} is {'hidden' if hidden else 'shown'} already.")
    submission.hidden_at = now() if hidden else None
    _refresh(session, submission)


def rename(session: Session, submission: Submission, name: str) -> str:
    """Give a submission another name; the old one. Refused with 422 where the new one cannot be."""
    name = " ".join(name.split())
    if not name or len(name) > 200 or not name.isprintable():
        raise Refused(422, "name_invalid", "A submission's name has 1 to 200 printable characters.")
    old, submission.name = submission.name, name
    _refresh(session, submission)
    return old


def _refresh(session: Session, submission: Submission) -> None:
    """Bring the boards of all seasons that a submission was judged in up to date."""
    seasons = select(Evaluation.season_id).where(Evaluation.submission_id == submission.id)
    for season in session.scalars(select(SeasonRow).where(SeasonRow.id.in_(seasons))).all():
        rankings.refresh(session, submission, season)


def remove_files(session: Session, config: Config, digests: set[str]) -> None:
    """Delete the bundles that no submission names any more."""
    kept = set(session.scalars(select(Submission.digest).where(Submission.digest.in_(digests))))
    for digest in digests - kept:
        storage_of(config).remove(bundle_key(digest))


def latest_evaluation(
    session: Session, submission: Submission, season: SeasonRow | None = None, track: Track = Track.OPEN
) -> Evaluation | None:
    """The newest evaluation of a submission on a track, in one season or in any that is ranked."""
    query = select(Evaluation).where(
        Evaluation.submission_id == submission.id, Evaluation.track == track.value
    )
    if season is not None:
        query = query.where(Evaluation.season_id == season.id)
    else:
        query = query.join(SeasonRow).where(SeasonRow.ranked)
    return session.scalar(query.order_by(Evaluation.id.desc()).limit(1))


def latest_by_track(session: Session, submission: Submission) -> dict[Track, Evaluation]:
    """The newest evaluation on each track that a submission is on: in a ranked season, or else in any."""
    rows = session.scalars(
        select(Evaluation)
        .join(Evaluation.season)
        .options(contains_eager(Evaluation.season))
        .where(Evaluation.submission_id == submission.id)
        .order_by(SeasonRow.ranked, Evaluation.id)
    )
    last = {Track(row.track): row for row in rows}
    return {track: last[track] for track in Track if track in last}


def latest_on(session: Session, submission: Submission, track: Track | None) -> Evaluation:
    """The newest evaluation on a track, or on the first track that has one; Refused with 404."""
    found = latest_by_track(session, submission)
    evaluation = found.get(track) if track else next(iter(found.values()), None)
    if evaluation is None:
        raise not_found("evaluation")
    return evaluation


def displayed(submission: Submission, last: Evaluation) -> Evaluation:
    """The evaluation that a page shows for `last`: the result that stands while it is judged again."""
    if not last.state.final:
        for evaluation in reversed(submission.evaluations):
            judged = evaluation.state.final and evaluation.octaves is not None
            if judged and evaluation.season.ranked and evaluation.track == last.track:
                return evaluation
    return last


def drawable(session: Session, submission_id: int) -> Submission:
    """A submission that has been judged and is shown to everybody; Refused with 404 otherwise."""
    found = session.scalar(
        select(Submission).where(
            Submission.id == submission_id,
            Submission.hidden_at.is_(None),
            Submission.evaluations.any(Evaluation.status.in_(_JUDGED)),
        )
    )
    if found is None:
        raise not_found("model to be drawn")
    return found


def is_drawable(submission: Submission) -> bool:
    """Whether `drawable` finds it."""
    judged = any(evaluation.status in _JUDGED for evaluation in submission.evaluations)
    return judged and submission.hidden_at is None


@dataclass(frozen=True)
class ListedSubmission:
    """A submission and its newest evaluation in a ranked season, if there is one."""

    submission: Submission
    evaluation: Evaluation | None


def list_newest(
    session: Session, *, user_id: int | None, limit: int, offset: int
) -> tuple[list[ListedSubmission], int]:
    """Submissions that everybody may see, the newest first, and how many there are in all.

    Args:
        session: reads.
        user_id: only those of one person; None for everybody's.
        limit: how many are returned at most.
        offset: how many are skipped.
    """
    shown: list[ColumnElement[bool]] = [Submission.hidden_at.is_(None)]
    if user_id is not None:
        shown.append(Submission.user_id == user_id)
    total = session.scalar(select(func.count()).select_from(Submission).where(*shown)) or 0
    rows = session.scalars(
        select(Submission)
        .options(joinedload(Submission.user))
        .where(*shown)
        .order_by(Submission.id.desc())
        .limit(limit)
        .offset(offset)
    ).all()
    newest = (
        select(func.max(Evaluation.id))
        .join(SeasonRow, SeasonRow.id == Evaluation.season_id)
        .where(SeasonRow.ranked, Evaluation.submission_id.in_([row.id for row in rows]))
        .group_by(Evaluation.submission_id, Evaluation.track)
    )
    last: dict[int, Evaluation] = {}
    for evaluation in session.scalars(
        select(Evaluation)
        .options(joinedload(Evaluation.season))
        .where(Evaluation.id.in_(newest.scalar_subquery()))
        # Where there are two, the open track's is the one that is shown.
        .order_by(Evaluation.track)
    ):
        last.setdefault(evaluation.submission_id, evaluation)
    return [ListedSubmission(row, last.get(row.id)) for row in rows], total


def text(session: Session, submission: Submission, name: str) -> str:
    """A text of the bundle, or ''."""
    row = session.get(SubmissionText, (submission.id, name))
    return row.content if row else ""


def sources(session: Session, submission: Submission) -> dict[str, str]:
    """model.py first, then its helpers."""
    rows = session.scalars(select(SubmissionText).where(SubmissionText.submission_id == submission.id))
    found = {row.name: row.content for row in rows if row.name.endswith(".py")}
    return dict(sorted(found.items(), key=lambda item: (item[0] != "model.py", item[0])))


_OPEN: Final = re.compile(
    r"(mit|0bsd|bsd|apache|cc0|cc-by|cc by|gpl|agpl|lgpl|mpl|isc|unlicense|zlib|public domain)([\s-].*)?",
    re.IGNORECASE,
)


def may_see_bundle(submission: Submission, user_id: int | None) -> bool:
    """Whether somebody may have the bundle, its source and its texts: its owner, or all by its licence."""
    return submission.user_id == user_id or _may_be_passed_on(submission)


def _may_be_passed_on(submission: Submission) -> bool:
    """Whether the licence that the manifest names lets everybody have the bundle."""
    return bool(_OPEN.fullmatch(submission.license.strip()))
