"""The way of a bundle from the upload to the queue, in one function: `submit_bundle`."""

import logging
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from challenge.bundle.packer import write_archive
from challenge.bundle.reader import Bundle, read_bundle
from challenge.results.refusals import refusal_of
from challenge.results.verdicts import EXPLANATIONS, EvaluationError, Fault, Reason, Status
from challenge.scoring.tracks import Track
from leaderboard import db
from leaderboard.config import Config
from leaderboard.errors import Refused
from leaderboard.models import Evaluation, SeasonRow, Submission, SubmissionText, User
from leaderboard.queue import Queue
from leaderboard.services import deferral, lineage, quotas
from leaderboard.services.evaluations import queue_evaluation
from leaderboard.services.look_alikes import refuse_look_alikes
from leaderboard.services.seasons import advance, current_season
from leaderboard.services.submissions import bundle_key, latest_evaluation
from leaderboard.storage import storage_of

log = logging.getLogger(__name__)

# Files of a bundle that pages show besides its sources.
SHOWN_TEXTS: Final = ("README.md", "train.toml")


@dataclass(frozen=True)
class Intake:
    """A submission that was accepted.

    Attributes:
        submission_id: of the new submission, or of the one that this person submitted with the same bytes.
        queued: the evaluations that are new; none where the bundle was judged already.
    """

    submission_id: int
    queued: tuple[int, ...]


def submit_bundle(
    sessions: sessionmaker[Session],
    queue: Queue | None,
    config: Config,
    owner: User,
    upload: Path,
    tracks: Sequence[Track] = (Track.OPEN,),
) -> Intake:
    """Check, register and store a bundle, queue its evaluations, and wake a worker.

    The same bundle of the same person is judged once a season on each track, unless its evaluation was
    cancelled, or failed while the platform lacked something. A bundle on which the judge itself failed at
    every attempt is stopped until an administrator has it judged again.

    Args:
        sessions: the bundle is registered in one transaction of these.
        queue: wakes a worker after the commit; None leaves that to the lease reaper.
        config: names the data directory, and the quota.
        owner: who submits.
        upload: the zip file; it is read, and stays where it is.
        tracks: where it is to be judged. Only the open track needs weights.

    Raises:
        Refused: 422 for a bundle that cannot be read, 409 while no season is open, 429 where the quota is
            used up, 507 where the disk is full. Nothing is registered or stored then.
    """
    # Reading takes seconds, during which no other writer may have to wait.
    bundle = _read(upload, tracks)
    with db.transaction(sessions) as session:
        submission, queued = _register(session, config, owner, bundle, tracks)
        _store(config, bundle)
        if queue is not None and queued:
            db.on_commit(session, queue.wake)
    for evaluation in queued:
        log.info(
            "submission %d is queued, %s track: evaluation %d",
            submission.id,
            evaluation.track,
            evaluation.id,
            extra={"submission": submission.id, "evaluation": evaluation.id},
        )
    return Intake(submission.id, tuple(evaluation.id for evaluation in queued))


def _store(config: Config, bundle: Bundle) -> None:
    """Store the files of a bundle as an archive of our own making, unless it is there.

    What was uploaded is not kept: it may be something else as well, such as a page or a program.
    It is stored before the commit: a file too many does no harm, a row without its file does.
    """
    storage, key = storage_of(config), bundle_key(bundle.digest)
    if storage.find(key) is None:
        with storage.writing(key) as path:
            write_archive(bundle.files, path)


def _read(upload: Path, tracks: Sequence[Track]) -> Bundle:
    if not zipfile.is_zipfile(upload):
        # read_bundle takes directories as well, and its sentences name paths.
        raise Refused(
            422,
            "archive_unreadable",
            "The file is not a zip archive that can be read.",
            EXPLANATIONS[Reason.ARCHIVE_UNREADABLE].help,
        )
    try:
        return read_bundle(upload, trained=Track.OPEN in tracks)
    except EvaluationError as error:
        refusal = refusal_of(error)
        help_ = f"{EXPLANATIONS[error.reason].help} Remedy: {refusal.remedy} (rule {refusal.rule})"
        raise Refused(422, error.reason.value, error.sentence, help_) from error


def _register(
    session: Session, config: Config, owner: User, bundle: Bundle, tracks: Sequence[Track]
) -> tuple[Submission, tuple[Evaluation, ...]]:
    advance(session)
    season = current_season(session)
    if season is None:
        raise Refused(409, "no_season", "No season is open at the moment, so nothing can be judged.")
    found = _find(session, owner, bundle.digest)
    wanted = [track for track in tracks if found is None or not _judged(session, found, season, track)]
    if found is not None and not wanted:
        return found, ()
    quotas.check(session, config, owner)
    if found is None:
        refuse_look_alikes(session, owner, bundle.manifest)
    submission = found or _add(session, owner, bundle)
    queued = [queue_evaluation(session, submission, season, track) for track in wanted]
    deferral.defer_samples(config, owner, queued)
    quotas.consume(session, owner, queued)
    return submission, tuple(queued)


def _judged(session: Session, submission: Submission, season: SeasonRow, track: Track) -> bool:
    """Whether the submission has an evaluation that need not be repeated."""
    last = latest_evaluation(session, submission, season, track)
    if last is None or last.state is Status.CANCELLED:
        return False
    if last.state is not Status.FAILED or last.fault != Fault.PLATFORM.value:
        return True
    # Every attempt ended in the judge itself: what crashes it is not tried again and again.
    return last.reason == Reason.INTERNAL.value


def _find(session: Session, owner: User, digest: str) -> Submission | None:
    return session.scalar(
        select(Submission).where(Submission.user_id == owner.id, Submission.digest == digest)
    )


def _add(session: Session, owner: User, bundle: Bundle) -> Submission:
    manifest = bundle.manifest
    submission = Submission(
        user_id=owner.id,
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
            if manifest.builds_on:
                texts[lineage.TEXT] = manifest.builds_on.encode()
            for name, content in texts.items():
                # PostgreSQL cannot store the zero character in a text.
                shown = content.decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
                session.add(SubmissionText(submission_id=submission.id, name=name, content=shown))
    except IntegrityError:
        # The same person sent the same bundle twice at once, and the other request was faster.
        found = _find(session, owner, bundle.digest)
        if found is None:
            raise
        return found
    return submission
