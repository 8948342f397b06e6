"""The public interface, version 1."""

from typing import Any, Final

from flask import Blueprint, Response, jsonify, request, send_file, stream_with_context, url_for
from sqlalchemy.orm import Session

from challenge.bundle import limits as bundle_limits
from challenge.scoring.tracks import Track
from leaderboard import openapi
from leaderboard.errors import Refused, not_found
from leaderboard.models import Evaluation, ReportRow, Submission, User
from leaderboard.serve.lease_reaper import dispatch
from leaderboard.services import evaluations, quotas, standings, submissions
from leaderboard.views import api_lists
from leaderboard.views.board import conditional
from leaderboard.web.auth import visible_submission
from leaderboard.web.request_context import (
    app_context,
    read_session,
    request_token,
    upload_path,
    write_transaction,
)

BOTH: Final = "both"

api = Blueprint("api", __name__, url_prefix="/api/v1")


def take_bundle(owner: User) -> tuple[dict[str, Any], bool]:
    """Check, store and register the bundle of this request, and send it to the workers.

    Returns:
        The submission's status, and whether any evaluation is new.
    """
    here = app_context()
    tracks = wanted_tracks(request.form.get("track", ""))
    path = upload_path("bundle")
    bundle = submissions.check(path, tracks)
    with read_session() as session:
        submissions.check_welcome(session, here.config, owner, bundle, tracks)
    # First the file, then the row that speaks of it. Nobody else waits for either check or disk.
    submissions.store(here.config, path, bundle)
    with write_transaction() as session:
        accepted = submissions.accept(session, here.config, owner, bundle, tracks)
        answer = submission_status(session, accepted.submission)
        urgent = [one.id for one in accepted.queued if one.track == Track.OPEN.value]
    for number in urgent:
        # The others are sent by the lease reaper, when it is their turn.
        dispatch(here.writers, here.queue, number)
    return answer, bool(accepted.queued)


def wanted_tracks(text: str) -> tuple[Track, ...]:
    """The tracks of "open", "samples" or "both", which '' stands for; Refused with 422."""
    if text in ("", BOTH):
        return tuple(Track)
    try:
        return (Track(text),)
    except ValueError as error:
        raise Refused(
            422, "track_unknown", f"track is one of 'open', 'samples' and 'both', not {text[:40]!r}."
        ) from error


def asked_track() -> Track | None:
    """The track that the query names; None where it names none. Refused with 422."""
    text = request.args.get("track", "")
    tracks = wanted_tracks(text)
    return tracks[0] if len(tracks) == 1 else None


@api.post("/submissions")
def submit() -> tuple[Response, int]:
    """Hand in a bundle."""
    with read_session() as session:
        # Before the bundle is read: a stranger's gigabyte is not worth a look.
        owner = request_token(session).user
    assert owner is not None
    answer, new = take_bundle(owner)
    return jsonify(answer), 201 if new else 200


def newest(session: Session, submission_id: int, track: Track | None = None) -> tuple[Submission, Evaluation]:
    """A submission and its newest evaluation on a track, or else on the first on which it has one."""
    submission = visible_submission(session, submission_id)
    found = submissions.latest_by_track(session, submission)
    evaluation = found.get(track) if track else next(iter(found.values()), None)
    if evaluation is None:
        raise not_found("evaluation")
    return submission, evaluation


def submission_status(session: Session, submission: Submission, track: Track | None = None) -> dict[str, Any]:
    """What people and programs follow: the evaluation on one track, and beside it those on all."""
    found = submissions.latest_by_track(session, submission)
    chosen = found.get(track) if track else next(iter(found.values()), None)
    if chosen is None:
        raise not_found("evaluation")
    return {
        "id": submission.id,
        "name": submission.name,
        "author": submission.author,
        "weight_class": submission.weight_class,
        "bytes": submission.bytes,
        "url": url_for("pages.submission", submission_id=submission.id, _external=True),
        **evaluation_status(session, chosen),
        "evaluations": [evaluation_status(session, one) for one in found.values()],
    }


def evaluation_status(session: Session, evaluation: Evaluation) -> dict[str, Any]:
    """How one evaluation stands."""
    return {
        "evaluation_id": evaluation.id,
        "track": evaluation.track,
        "machine": evaluation.machine,
        "status": evaluation.status,
        "final": evaluation.state.final,
        "message": evaluation.message,
        "progress": evaluation.progress,
        "attempt": evaluation.attempts,
        "queue_position": evaluations.queue_position(session, evaluation),
        "reason": evaluation.reason,
        "fault": evaluation.fault,
        "sentence": evaluation.sentence,
        "season": evaluation.season.name,
        "octaves": evaluation.octaves,
        "interval": standings.interval(evaluation),
        "depth": evaluation.depth,
        "precision_db": evaluation.precision_db,
        "universality": evaluation.universality,
        "flagged": evaluation.flagged,
    }


@api.get("/submissions/<int:submission_id>")
def submission(submission_id: int) -> Response:
    """Where a submission stands."""
    track = asked_track()
    with read_session() as session:
        return jsonify(submission_status(session, visible_submission(session, submission_id), track))


@api.get("/submissions/<int:submission_id>/report")
def report(submission_id: int) -> Response:
    """The newest report in any ranked season, or in the one that the query names, as the worker sent it."""
    name, track = request.args.get("season"), asked_track()
    with read_session() as session:
        found = visible_submission(session, submission_id)
        # The open track's comes first where the query names none.
        for evaluation in sorted(found.evaluations, key=lambda e: (e.track != Track.OPEN.value, -e.id)):
            season = evaluation.season
            wanted = season.name == name if name else season.ranked
            wanted = wanted and track in (None, evaluation.track)
            row = session.get(ReportRow, evaluation.id) if wanted else None
            if row is not None:
                answer = Response(row.body, mimetype="application/json")
                answer.headers["Content-Disposition"] = f'attachment; filename="report-{submission_id}.json"'
                answer.set_etag(row.digest[:32])
                answer.last_modified = evaluation.finished_at
                answer.make_conditional(request)
                return answer
    raise not_found("report")


@api.get("/submissions/<int:submission_id>/events")
def events(submission_id: int) -> Response:
    """The status, as server-sent events."""
    here, track = app_context(), asked_track()

    with read_session() as session:
        newest(session, submission_id, track)  # a submission that is not there is a 404, not a stream

    def look() -> dict[str, Any]:
        with here.readers() as session:
            return submission_status(session, visible_submission(session, submission_id), track)

    give_back = here.event_streams.take()
    answer = Response(stream_with_context(here.event_streams.events(look)), mimetype="text/event-stream")
    # Also called for a stream that nobody ever read from.
    answer.call_on_close(give_back)
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["X-Accel-Buffering"] = "no"
    return answer


@api.post("/submissions/<int:submission_id>/cancel")
def cancel(submission_id: int) -> Response:
    """Stop what is under way of one's own submission, or that on one track alone."""
    track = asked_track()
    with write_transaction() as session:
        who = request_token(session)
        found, evaluation = newest(session, submission_id, track)
        if found.user_id != who.user_id:
            raise Refused(403, "not_yours", "Only the person who submitted it can cancel it.")
        alive = [one for one in submissions.latest_by_track(session, found).values() if not one.state.final]
        for one in alive if track is None and alive else [evaluation]:
            evaluations.cancel(session, one)
        return jsonify(submission_status(session, found, track))


@api.get("/submissions/<int:submission_id>/bundle")
def bundle(submission_id: int) -> Response:
    """One's own bundle; other people's where their licence lets them be passed on."""
    with read_session() as session:
        found = visible_submission(session, submission_id)
        if not submissions.may_be_passed_on(found) and request_token(session).user_id != found.user_id:
            raise Refused(403, "licence", "The licence of this bundle does not let it be passed on.")
        path = submissions.path_of(app_context().config, found.digest)
        digest = found.digest
    try:
        return send_file(
            path,
            mimetype="application/zip",
            as_attachment=True,
            download_name=f"{submission_id}.zip",
            etag=digest[:32],
        )
    except OSError as error:
        raise Refused(500, "bundle_lost", f"The bundle cannot be read: {error.strerror}.") from error


api.add_url_rule("/board", "board", api_lists.board)
api.add_url_rule("/submissions", "submissions", api_lists.list_submissions)
api.add_url_rule("/seasons", "seasons", api_lists.list_seasons)


@api.get("/whoami")
def whoami() -> Response:
    """Whose token this is."""
    with read_session() as session:
        who = request_token(session)
        assert who.user is not None
        return jsonify({"name": who.user.name, "reference": who.user.reference, "token": f"{who.prefix}..."})


@api.get("/limits")
def limits() -> Response:
    """What a bundle may hold, and with a token what its owner may still hand in."""
    with read_session() as session:
        owner = request_token(session).user if "Authorization" in request.headers else None
        quota = quotas.quota(session, app_context().config, owner).to_dict() if owner else None
    return jsonify(
        {
            "quota": quota,
            "hand_ins_a_day": app_context().config.hand_ins_a_day,
            "hand_ins_waiting": app_context().config.hand_ins_waiting,
            "archive_bytes": bundle_limits.ARCHIVE_LIMIT,
            "weights_bytes": bundle_limits.WEIGHTS_LIMIT,
            "source_bytes": bundle_limits.TEXT_LIMIT,
            "frame_bytes": bundle_limits.FRAME_LIMIT,
            "frames_bytes": bundle_limits.FRAMES_LIMIT,
            "members": bundle_limits.MEMBERS_LIMIT,
            "weight_classes": bundle_limits.WEIGHT_CLASSES,
            "attempts": app_context().config.attempts,
        }
    )


@api.get("/openapi.json")
def description() -> Response:
    """This interface, described by OpenAPI."""
    return conditional(jsonify(openapi.document()))
