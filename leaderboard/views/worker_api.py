"""The workers' interface, by a worker's token: claim, bundle, status, stages, pictures, report, failure."""

import math
from dataclasses import asdict
from typing import Any, Final

from flask import Blueprint, Response, jsonify, request
from sqlalchemy.orm import Session

from challenge.results.stages import Stage
from challenge.scoring.tracks import BUDGETS, CPU, Track
from leaderboard.db import on_commit
from leaderboard.errors import Refused, not_found
from leaderboard.images.untrusted import BYTES_LIMIT, rewrite
from leaderboard.models import Evaluation, SeasonRow
from leaderboard.openapi import models, worker_models
from leaderboard.openapi.values import to_json
from leaderboard.services import (
    artifacts,
    audit,
    canaries,
    leases,
    machines,
    outcomes,
    reproductions,
    stages,
)
from leaderboard.web.extensions import UNCOUNTED, csrf, limiter
from leaderboard.web.request_args import check_length, json_body
from leaderboard.web.request_context import app_context, read_session, request_token, write_transaction
from leaderboard.web.responses import stored_bundle

worker_api = Blueprint("worker_api", __name__, url_prefix="/api/v1/worker")
csrf.exempt(worker_api)
limiter.exempt(worker_api, flags=UNCOUNTED)

_EVALUATION: Final = "/evaluations/<int:evaluation_id>"
_CANARY: Final = "/canaries/<int:canary_id>"
_MACHINE_LIMIT: Final = 32 * 1024


def _lease() -> str | None:
    return request.headers.get("X-MBC-Lease")


def _note_speed(evaluation: Evaluation) -> None:
    """Keep what the worker measured of its machine, where it says so."""
    try:
        speed = float(request.headers.get("X-MBC-Speed", ""))
    except ValueError:
        return
    if math.isfinite(speed) and speed > 0:
        evaluation.speed = speed


def _state(evaluation: Evaluation) -> dict[str, Any]:
    return {
        "evaluation_id": evaluation.id,
        "submission_id": evaluation.submission_id,
        "status": evaluation.status,
        "attempt": evaluation.attempts,
    }


def _answer(evaluation: Evaluation) -> Response:
    return jsonify(to_json(worker_models.Evaluation, _state(evaluation)))


@worker_api.put("/machine")
def introduce() -> Response:
    """What is in force on the machine of this worker; shown to everybody."""
    check_length(_MACHINE_LIMIT, "machine_large", "The description of a machine")
    with write_transaction() as session:
        machines.introduce(session, request_token(session, "worker"), json_body())
        return jsonify(to_json(worker_models.Noted, {"noted": True}))


def _class() -> str:
    """The class of machine that the query names; Refused with 422."""
    machine = request.args.get("machine", CPU)
    if machine not in BUDGETS:
        raise Refused(422, "machine_invalid", f"A class of machine is one of {', '.join(BUDGETS)}.")
    return machine


@worker_api.post("/claim")
def claim_next() -> Response:
    """Take the lease of the evaluation whose turn it is; 204 where none waits."""
    with write_transaction() as session:
        config, holder, machine = app_context().config, request_token(session, "worker"), _class()
        name = request.args.get("name", "").replace("\0", "")
        canaries.check_free(session, holder, name)
        given = canaries.give_if_due(session, config, holder, name)
        if given is not None:
            return _assignment(session, leases.Claim(given.lease, given.evaluation), given.canary.id)
        claimed = leases.claim_next(session, config, holder, machine)
        return Response(status=204) if claimed is None else _assignment(session, claimed)


@worker_api.post(f"{_EVALUATION}/claim")
def claim(evaluation_id: int) -> Response:
    """Take the lease of a particular evaluation, whosever turn it is."""
    with write_transaction() as session:
        holder = request_token(session, "worker")
        claimed = leases.claim(session, app_context().config, evaluation_id, holder)
        return _assignment(session, claimed)


def _season(season: SeasonRow, track: Track) -> dict[str, Any]:
    return {"name": season.name, "secret": season.secret.hex(), "size": asdict(season.size(track))}


def _assignment(session: Session, claimed: leases.Claim, canary: int | None = None) -> Response:
    # The season's secret comes with the lease, and in no other way.
    evaluation, season = claimed.evaluation, claimed.evaluation.season
    track = Track(evaluation.track)
    values = _state(evaluation) | {
        "track": track.value,
        "lease": claimed.lease,
        "trace": evaluation.trace,
        "digest": evaluation.submission.digest,
        "lease_seconds": app_context().config.lease_seconds,
        "season": _season(season, track),
        "stages": stages.findings(session, evaluation) if canary is None else {},
        "front": reproductions.front(session, season) if track is Track.OPEN else [],
        "canary": canary,
        "lesson": {"samples": season.samples, "seconds": season.budgets} if track is Track.SAMPLES else None,
    }
    return jsonify(to_json(worker_models.Claim, values))


@worker_api.get(f"{_EVALUATION}/bundle")
def bundle(evaluation_id: int) -> Response:
    """The bundle's bytes."""
    with write_transaction() as session:
        request_token(session, "worker")
        evaluation = leases.check_lease(session, evaluation_id, _lease())
        digest = evaluation.submission.digest
    return stored_bundle(digest)


@worker_api.post(f"{_EVALUATION}/status")
def status(evaluation_id: int) -> Response:
    """How far it is; renews the lease."""
    with write_transaction() as session:
        request_token(session, "worker")
        config, values = app_context().config, json_body()
        return _answer(leases.update_progress(session, config, evaluation_id, _lease(), values))


@worker_api.put(f"{_EVALUATION}/artifacts/<place>/<octave>/<kind>.png")
def artifact(evaluation_id: int, place: str, octave: str, kind: str) -> Response:
    """A picture."""
    name = f"{place}/{octave}/{kind}.png"
    artifacts.check_name(name)
    return _keep(evaluation_id, name)


def _keep(evaluation_id: int, name: str) -> Response:
    check_length(BYTES_LIMIT, "artifact_large", "A picture")
    with read_session() as session:
        request_token(session, "worker")
    content = rewrite(request.get_data(cache=False))
    with write_transaction() as session:
        leases.check_lease(session, evaluation_id, _lease())
        row = artifacts.save(session, app_context().config, evaluation_id, name, content)
        values = {"name": row.name, "bytes": row.bytes, "digest": row.digest}
        return jsonify(to_json(worker_models.Picture, values))


@worker_api.put(f"{_EVALUATION}/artifacts/samples/<int:target>/<picture>.png")
def samples_artifact(evaluation_id: int, target: int, picture: str) -> Response:
    """A picture of a target of the samples track; kept, and shown when its season's secret is."""
    name = f"samples/{target}/{picture}.png"
    artifacts.check_samples_name(name)
    return _keep(evaluation_id, name)


@worker_api.put(f"{_EVALUATION}/evidence")
def evidence(evaluation_id: int) -> Response:
    """What people are shown of controls and probes."""
    check_length(BYTES_LIMIT, "artifact_large", "Evidence")
    with write_transaction() as session:
        request_token(session, "worker")
        leases.check_lease(session, evaluation_id, _lease())
        artifacts.save_evidence(app_context().config, evaluation_id, request.get_data(cache=False))
        return jsonify(to_json(worker_models.Kept, {"evaluation_id": evaluation_id}))


@worker_api.post(f"{_EVALUATION}/stages/<stage>")
def finish_stage(evaluation_id: int, stage: str) -> Response:
    """What a stage found; says whether this worker goes on, or the evaluation waits for its turn again."""
    check_length(BYTES_LIMIT, "stage_large", "What a stage found")
    if stage not in list(Stage):
        raise not_found("stage")
    with write_transaction() as session:
        request_token(session, "worker")
        config, values = app_context().config, json_body()
        recorded = stages.record_stage(session, config, evaluation_id, _lease(), Stage(stage), values)
        _note_speed(recorded.evaluation)
        answer = _state(recorded.evaluation) | {"go_on": recorded.go_on}
        return jsonify(to_json(worker_models.StageTaken, answer))


@worker_api.get(f"{_CANARY}/bundle")
def canary_bundle(canary_id: int) -> Response:
    """The bundle of a canary."""
    with read_session() as session:
        request_token(session, "worker")
        digest = canaries.held(session, canary_id, _lease()).submission.digest
    return stored_bundle(digest)


@worker_api.post(_CANARY)
def canary(canary_id: int) -> Response:
    """What a machine found of a canary, or why it could not judge it."""
    check_length(BYTES_LIMIT, "stage_large", "What was found of a canary")
    with write_transaction() as session:
        holder = request_token(session, "worker")
        same = canaries.answer(session, holder, canary_id, _lease(), json_body())
        return jsonify(to_json(worker_models.CanaryTaken, {"same": same}))


@worker_api.get("/certificates/<digest>")
def certificate(digest: str) -> Response:
    """The certificate with this digest, for every evaluation of equal code; 404 where there is none."""
    with read_session() as session:
        request_token(session, "worker")
        found = stages.find_certificate(session, digest)
    if found is None:
        raise not_found("certificate")
    return jsonify(found)


@worker_api.get("/reproductions/<int:submission_id>")
def to_reproduce(submission_id: int) -> Response:
    """What an entry was judged on, for an operator who repeats its training."""
    with read_session() as session:
        request_token(session, "worker")
        evaluation = reproductions.entry(session, submission_id)
        values = {
            "submission_id": submission_id,
            "name": evaluation.submission.name,
            "season": _season(evaluation.season, Track.OPEN),
        }
    return jsonify(to_json(worker_models.ToReproduce, values))


@worker_api.get("/reproductions/<int:submission_id>/bundle")
def bundle_to_reproduce(submission_id: int) -> Response:
    """The bundle's bytes."""
    with read_session() as session:
        request_token(session, "worker")
        digest = reproductions.entry(session, submission_id).submission.digest
    return stored_bundle(digest)


@worker_api.put("/reproductions/<int:submission_id>")
def reproduced(submission_id: int) -> Response:
    """What came of it; answers with the comparison."""
    check_length(BYTES_LIMIT, "reproduction_large", "A reproduction")
    with write_transaction() as session:
        holder = request_token(session, "worker")
        row = reproductions.record(session, submission_id, reproductions.read_training(json_body()))
        season = reproductions.entry(session, submission_id).season
        detail = f"{row.octaves:.2f} octaves, submitted {row.submitted:.2f}, on {row.machine}"
        verdict = "reproduced" if row.agrees else "not reproduced"
        audit.record(session, f"worker {holder.prefix}", verdict, f"submission {submission_id}", detail)
        return jsonify(to_json(models.Reproduction, reproductions.to_dict(row, season)))


@worker_api.post(f"{_EVALUATION}/release")
def release(evaluation_id: int) -> Response:
    """The worker stops: the evaluation waits for another one, which goes on where this one was."""
    with write_transaction() as session:
        request_token(session, "worker")
        evaluation = leases.release(session, evaluation_id, _lease())
        on_commit(session, app_context().queue.wake)
        return _answer(evaluation)


@worker_api.post(f"{_EVALUATION}/report")
def report(evaluation_id: int) -> Response:
    """The report: the end of an evaluation that worked. The same one again changes nothing."""
    with write_transaction() as session:
        request_token(session, "worker")
        evaluation = outcomes.record_report(session, evaluation_id, _lease(), json_body())
        _note_speed(evaluation)
        return _answer(evaluation)


@worker_api.post(f"{_EVALUATION}/failure")
def failure(evaluation_id: int) -> Response:
    """It could not be judged."""
    with write_transaction() as session:
        request_token(session, "worker")
        values = json_body()
        config = app_context().config
        return _answer(outcomes.record_failure(session, config, evaluation_id, _lease(), values))
