"""The public interface, version 1."""

from typing import Any

from flask import Blueprint, Response, jsonify, request, stream_with_context

from challenge.bundle import limits as bundle_limits
from leaderboard import openapi
from leaderboard.db import on_commit
from leaderboard.errors import Refused, not_found
from leaderboard.openapi import models
from leaderboard.openapi.values import to_json
from leaderboard.services import (
    decisions,
    deferral,
    publication,
    quotas,
    reports,
    submission_intake,
    submissions,
)
from leaderboard.web.auth import visible_submission
from leaderboard.web.extensions import csrf
from leaderboard.web.request_args import asked_track, tracks_of, upload_path
from leaderboard.web.request_context import app_context, read_session, request_token, write_transaction
from leaderboard.web.responses import conditional, stored_bundle
from leaderboard.web.status import submission_status

api = Blueprint("api", __name__, url_prefix="/api/v1")
# Programs send a token in a header, which no other site can make a browser send.
csrf.exempt(api)


@api.post("/submissions")
def submit() -> tuple[Response, int]:
    """Submit a bundle."""
    with read_session() as session:
        # Before the bundle is read: a stranger's gigabyte is not worth a look.
        owner = request_token(session).user
    assert owner is not None
    here, tracks = app_context(), tracks_of(request.form.get("track", ""))
    taken = submission_intake.submit_bundle(
        here.writers, here.queue, here.config, owner, upload_path("bundle"), tracks
    )
    with read_session() as session:
        answer = submission_status(session, submissions.get(session, taken.submission_id))
    return jsonify(to_json(models.Submission, answer)), 201 if taken.queued else 200


@api.get("/submissions/<int:submission_id>")
def submission(submission_id: int) -> Response:
    """Where a submission stands."""
    track = asked_track()
    with read_session() as session:
        values = submission_status(session, visible_submission(session, submission_id), track)
    return jsonify(to_json(models.Submission, values))


@api.get("/submissions/<int:submission_id>/report")
def report(submission_id: int) -> Response:
    """The newest report in any ranked season, or in the one that the query names, as far as it is public."""
    season, track = request.args.get("season"), asked_track()
    with read_session() as session:
        found = reports.newest_row(session, visible_submission(session, submission_id), season, track)
        if found is None:
            raise not_found("report")
        evaluation, row = found
        body, state = publication.report_json(row, evaluation), evaluation.season.state
    answer = Response(body, mimetype="application/json")
    answer.headers["Content-Disposition"] = f'attachment; filename="report-{submission_id}.json"'
    answer.set_etag(f"{row.digest[:32]}-{state}")
    answer.last_modified = evaluation.finished_at
    answer.make_conditional(request)
    return answer


@api.get("/submissions/<int:submission_id>/events")
def events(submission_id: int) -> Response:
    """The status, as server-sent events."""
    here, track = app_context(), asked_track()

    with read_session() as session:
        # A submission that is not there is a 404, not a stream.
        submissions.latest_on(session, visible_submission(session, submission_id), track)

    def look() -> dict[str, Any]:
        with here.readers() as session:
            return submission_status(session, visible_submission(session, submission_id), track)

    give_back = here.event_streams.take()
    answer = Response(
        stream_with_context(here.event_streams.events(submission_id, look)), mimetype="text/event-stream"
    )
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
        found = visible_submission(session, submission_id)
        if found.user_id != who.user_id:
            raise Refused(403, "not_yours", "Only the person who submitted it can cancel it.")
        decisions.cancel_submission(session, submissions.latest_by_track(session, found), track)
        return jsonify(to_json(models.Submission, submission_status(session, found, track)))


@api.post("/submissions/<int:submission_id>/certify")
def certify(submission_id: int) -> Response:
    """Ask for the verdict of one's own submission, where the board gives it on request alone."""
    track, here = asked_track(), app_context()
    with write_transaction() as session:
        who = request_token(session)
        found = visible_submission(session, submission_id)
        if found.user_id != who.user_id:
            raise Refused(403, "not_yours", "Only the person who submitted it can ask for its verdict.")
        deferral.request(session, here.config, found, track)
        on_commit(session, here.queue.wake)
        return jsonify(to_json(models.Submission, submission_status(session, found, track)))


@api.get("/submissions/<int:submission_id>/bundle")
def bundle(submission_id: int) -> Response:
    """One's own bundle; other people's where their licence lets them be passed on."""
    with read_session() as session:
        found = visible_submission(session, submission_id)
        if not submissions.may_see_bundle(found, None) and not submissions.may_see_bundle(
            found, request_token(session).user_id
        ):
            raise Refused(403, "licence", "The licence of this bundle does not let it be passed on.")
    return stored_bundle(found.digest, name=f"{submission_id}.zip")


@api.get("/whoami")
def whoami() -> Response:
    """Whose token this is."""
    with read_session() as session:
        who = request_token(session)
        assert who.user is not None
        values = {"name": who.user.name, "reference": who.user.reference, "token": f"{who.prefix}..."}
    return jsonify(to_json(models.Person, values))


@api.get("/limits")
def limits() -> Response:
    """What a bundle may hold, and with a token what its owner may still submit."""
    with read_session() as session:
        owner = request_token(session).user if "Authorization" in request.headers else None
        quota = quotas.quota(session, app_context().config, owner).to_dict() if owner else None
    return jsonify(
        to_json(
            models.Limits,
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
            },
        )
    )


@api.get("/openapi.json")
def description() -> Response:
    """This interface, described by OpenAPI."""
    return conditional(jsonify(openapi.document()))
