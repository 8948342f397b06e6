"""Evaluations that go no further until somebody asks, on boards that do not judge every entry in full.

`Config.certify` says which: on a board with "best", only an entry that beats its author's best one gets its
later stages by itself, and the samples track is for who asks for it. References are judged in full.
"""

from typing import Final

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from challenge.results.verdicts import Status
from challenge.scoring.tracks import Track
from leaderboard.config import Config
from leaderboard.errors import conflict
from leaderboard.models import Evaluation, SeasonRow, Submission, User
from leaderboard.services import queue_order, quotas, rankings
from leaderboard.services.queue_order import live

BEST: Final = "best"
_BEATEN: Final = (
    "Not certified: it does not beat its author's best entry. This board gives a verdict to those that do, "
    "and to others if their author asks for it: `mbc certify {id}`."
)
_SAMPLES: Final = "Here the samples track is for those who ask for it: `mbc certify {id} --track samples`."


def defer_samples(config: Config, owner: User, evaluations: list[Evaluation]) -> None:
    """Defer the evaluation on the samples track, where the board wants that and the open one is there too."""
    tracks = {one.track for one in evaluations}
    if config.certify == BEST and not owner.reference and Track.OPEN.value in tracks:
        for one in evaluations:
            if one.track == Track.SAMPLES.value:
                one.deferred = True
                one.message = _SAMPLES.format(id=one.submission_id)


def defer_beaten(session: Session, config: Config, evaluation: Evaluation) -> None:
    """Defer the later stages of an evaluation whose octaves were just measured, if the board wants that.

    One that was asked for by an administrator, of an entry that was judged before, is not.
    """
    submission = evaluation.submission
    again = any(one.track == evaluation.track and one.id != evaluation.id for one in submission.evaluations)
    if config.certify != BEST or submission.user.reference or again:
        return
    if not _beats(session, evaluation):
        evaluation.deferred = True
        evaluation.message = _BEATEN.format(id=submission.id)


def _beats(session: Session, evaluation: Evaluation) -> bool:
    """Whether its octaves are more than those of every other entry of its author that may rank."""
    best = session.scalar(
        select(func.max(Evaluation.octaves))
        .join(Evaluation.submission)
        .where(
            Submission.user_id == evaluation.submission.user_id,
            Submission.hidden_at.is_(None),
            Evaluation.season_id == evaluation.season_id,
            Evaluation.track == Track.OPEN.value,
            Evaluation.id != evaluation.id,
            ~Evaluation.deferred,
            or_(Evaluation.status == Status.SCORED.value, live()),
        )
    )
    return best is None or (evaluation.octaves or 0.0) > best


def reconsider(session: Session, evaluation: Evaluation) -> None:
    """Go on with an author's best deferred entry, where the one that beat it did not pass."""
    best = session.scalar(
        select(Evaluation)
        .join(Evaluation.submission)
        .where(
            Submission.user_id == evaluation.submission.user_id,
            Evaluation.season_id == evaluation.season_id,
            Evaluation.track == Track.OPEN.value,
            Evaluation.deferred,
            live(),
        )
        .order_by(Evaluation.octaves.desc())
        .limit(1)
    )
    if best is not None and _beats(session, best):
        _release(session, best)


def request(
    session: Session, config: Config, submission: Submission, track: Track | None = None
) -> list[Evaluation]:
    """Go on with what is deferred of a submission, on a track or on all.

    Raises:
        Refused: 409 where nothing is deferred or the season is over, 429 where too much of its owner waits.
    """
    found = [
        one
        for one in submission.evaluations
        if one.deferred and not one.state.final and track in (None, Track(one.track))
    ]
    if not found:
        raise conflict(
            "not_deferred", f"Submission {submission.id} has its verdict, or gets it without being asked."
        )
    for one in found:
        if one.season.ranked and one.season.revealed:
            raise conflict("season_over", f"Season {one.season.name} is over, and its board does not change.")
    quotas.check_waiting(session, config, submission.user)
    for one in found:
        _release(session, one)
    return found


def release(session: Session, submission: Submission, season: SeasonRow, track: Track) -> Evaluation | None:
    """Go on with an evaluation that is deferred, by an administrator; None where there is none."""
    for one in submission.evaluations:
        if one.deferred and one.season_id == season.id and one.track == track.value:
            _release(session, one)
            return one
    return None


def _release(session: Session, evaluation: Evaluation) -> None:
    evaluation.deferred = False
    evaluation.message = ""
    evaluation.turn_at = queue_order.turn(session, evaluation.submission.user, Track(evaluation.track))
    # What the board shows of it changes.
    rankings.note_change(session, evaluation.season)
