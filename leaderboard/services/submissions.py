"""Taking a bundle in."""

import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from challenge.bundle.reader import Bundle, read_bundle
from challenge.results.verdicts import EXPLANATIONS, EvaluationError, Fault, Reason, Status
from challenge.scoring.tracks import Track
from leaderboard.config import Config
from leaderboard.db import now
from leaderboard.errors import Refused, conflict, not_found
from leaderboard.models import Evaluation, SeasonRow, Submission, SubmissionText, User
from leaderboard.services import quotas
from leaderboard.services.atomic_files import write_whole
from leaderboard.services.evaluations import queue_evaluation
from leaderboard.services.seasons import current_season

SHOWN_TEXTS: Final = ("README.md", "train.toml")


def path_of(config: Config, digest: str) -> Path:
    """Where the bundle of that digest lies."""
    return config.data / "bundles" / digest[:2] / f"{digest}.zip"


def check(path: Path, tracks: Sequence[Track] = (Track.OPEN,)) -> Bundle:
    """Read a bundle; Refused with 422, the reason as its code. Only the open track needs weights."""
    if not zipfile.is_zipfile(path):
        # read_bundle takes other things than archives, and its sentences name paths.
        raise Refused(
            422,
            "archive_unreadable",
            "The file is not a zip archive that can be read.",
            _help("archive_unreadable"),
        )
    try:
        return read_bundle(path, trained=Track.OPEN in tracks)
    except EvaluationError as error:
        raise Refused(422, error.reason.value, error.sentence, _help(error.reason.value)) from error


def _help(reason: str) -> str:
    return EXPLANATIONS[Reason(reason)].help


def store(config: Config, path: Path, bundle: Bundle) -> None:
    """Put the bundle's bytes into the data directory, before any row speaks of them."""
    target = path_of(config, bundle.digest)
    if not target.exists():
        write_whole(target, path.read_bytes())


@dataclass(frozen=True)
class Accepted:
    """A submission that was handed in, and its evaluations that are new: none where all are known."""

    submission: Submission
    queued: tuple[Evaluation, ...]


def accept(
    session: Session, config: Config, user: User, bundle: Bundle, tracks: Sequence[Track] = (Track.OPEN,)
) -> Accepted:
    """Register a stored bundle and queue its evaluations in the open season.

    The same bundle of the same person is judged once a season on each track, unless it was cancelled or we
    failed it.

    Raises:
        Refused: no season is open, or the person's quota is used up.
    """
    season = _open_season(session)
    found = _find(session, user, bundle.digest)
    wanted = [track for track in tracks if found is None or not _known(session, found, season, track)]
    if found is not None and not wanted:
        return Accepted(found, ())
    quotas.check(session, config, user)
    submission = found or _register(session, user, bundle)
    queued = tuple(queue_evaluation(session, submission, season, track) for track in wanted)
    quotas.consume(session, user, queued)
    return Accepted(submission, queued)


def check_welcome(
    session: Session, config: Config, user: User, bundle: Bundle, tracks: Sequence[Track] = (Track.OPEN,)
) -> None:
    """Refused where `accept` would refuse the bundle: asked before its bytes are stored."""
    season, found = _open_season(session), _find(session, user, bundle.digest)
    if found is None or not all(_known(session, found, season, track) for track in tracks):
        quotas.check(session, config, user)


def _open_season(session: Session) -> SeasonRow:
    season = current_season(session)
    if season is None:
        raise Refused(409, "no_season", "No season is open at the moment, so nothing can be judged.")
    return season


def _known(session: Session, submission: Submission, season: SeasonRow, track: Track) -> bool:
    """Whether an evaluation makes another one of the same bundle needless."""
    last = latest_evaluation(session, submission, season, track)
    return last is not None and not _may_repeat(last)


def _may_repeat(evaluation: Evaluation) -> bool:
    return evaluation.state is Status.CANCELLED or (
        evaluation.state is Status.FAILED and evaluation.fault == Fault.PLATFORM.value
    )


def _find(session: Session, user: User, digest: str) -> Submission | None:
    return session.scalar(
        select(Submission).where(Submission.user_id == user.id, Submission.digest == digest)
    )


def _register(session: Session, user: User, bundle: Bundle) -> Submission:
    manifest = bundle.manifest
    submission = Submission(
        user_id=user.id,
        name=manifest.name,
        author=manifest.author,
        description=manifest.description,
        method=manifest.method,
        license=manifest.license,
        url=manifest.url,
        paper=manifest.paper,
        digest=bundle.digest,
        bytes=bundle.size,
        weight_class=bundle.weight_class,
    )
    try:
        with session.begin_nested():
            session.add(submission)
            session.flush()
            texts = bundle.sources | {n: bundle.files[n] for n in SHOWN_TEXTS if n in bundle.files}
            for name, content in texts.items():
                # PostgreSQL has no place for the zero character in a text.
                shown = content.decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
                session.add(SubmissionText(submission_id=submission.id, name=name, content=shown))
    except IntegrityError:
        # The same person sent the same bundle twice at once, and the other request was faster.
        found = _find(session, user, bundle.digest)
        if found is None:
            raise
        return found
    return submission


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
    session.flush()


def remove_files(session: Session, config: Config, digests: set[str]) -> None:
    """Delete the bundles that no submission speaks of any more."""
    kept = set(session.scalars(select(Submission.digest).where(Submission.digest.in_(digests))))
    for digest in digests - kept:
        path_of(config, digest).unlink(missing_ok=True)


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
        .join(SeasonRow)
        .where(Evaluation.submission_id == submission.id)
        .order_by(SeasonRow.ranked, Evaluation.id)
    )
    last = {Track(row.track): row for row in rows}
    return {track: last[track] for track in Track if track in last}


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


def may_be_passed_on(submission: Submission) -> bool:
    """Whether the licence that the manifest names lets everybody have the bundle."""
    return bool(_OPEN.fullmatch(submission.license.strip()))
