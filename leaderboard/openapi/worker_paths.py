"""The operations of workers that judge: claim, report how it goes, hand over what was found."""

from typing import Final

from challenge.results.stages import Stage
from challenge.scoring.tracks import BUDGETS
from leaderboard.openapi.operations import (
    BINARY,
    ELSEWHERE,
    EVALUATION,
    LEASE,
    SPEED,
    SUBMISSION,
    V1,
    body,
    file_answer,
    json_answer,
    number,
    parameter,
    worker_operation,
)
from leaderboard.openapi.schemas import Schema, either, ref, whole, words

_EVALUATION: Final = f"{V1}/worker/evaluations/{{evaluation_id}}"
_CANARY: Final = f"{V1}/worker/canaries/{{canary_id}}"
_REPRODUCTION: Final = f"{V1}/worker/reproductions/{{submission_id}}"
_HELD: Final = [EVALUATION, LEASE]
# Of a lease that does not hold the evaluation any more, among others.
_LOST: Final = (404, 409)
_PNG: Final = body(BINARY, "image/png")

WORKER_PATHS: Final[dict[str, dict[str, Schema]]] = {
    f"{V1}/worker/machine": {
        "put": worker_operation(
            "introduce",
            "Report this worker's machine, sandbox and limits; /rules shows them.",
            json_answer("Noted.", "Noted"),
            takes=body(ref("WorkerInfo")),
            parameters=[],
            refused=(413, 422),
        )
    },
    f"{V1}/worker/claim": {
        "post": worker_operation(
            "claim_next",
            "Lease the next evaluation in the queue.",
            json_answer("The lease, and what to judge.", "Claim"),
            parameters=[
                parameter(
                    "machine",
                    "query",
                    words("The class of machine; a season may be judged on one alone.", enum=list(BUDGETS)),
                ),
                parameter(
                    "name", "query", words("As in `introduce`: now and then it gets a canary, or is stopped.")
                ),
            ],
            refused=(422,),
        )
    },
    f"{_EVALUATION}/claim": {
        "post": worker_operation(
            "claim",
            "Lease a particular evaluation.",
            json_answer("The lease, and what to judge.", "Claim"),
            parameters=[EVALUATION],
            refused=_LOST,
        )
    },
    f"{_CANARY}/bundle": {
        "get": worker_operation(
            "canary_bundle",
            "The bundle of a canary.",
            file_answer("The zip file.", "application/zip"),
            parameters=[number("canary_id"), LEASE],
            refused=_LOST,
        )
    },
    _CANARY: {
        "post": worker_operation(
            "canary",
            "Upload what was found of a canary; a machine that found something else is stopped.",
            json_answer("Compared.", "CanaryTaken"),
            takes=body(ref("FoundCanary")),
            parameters=[number("canary_id"), LEASE],
            refused=(*_LOST, 413, 422),
        )
    },
    f"{_EVALUATION}/bundle": {
        "get": worker_operation(
            "claimed_bundle",
            "The bundle to judge.",
            file_answer("The zip file.", "application/zip"),
            parameters=_HELD,
            refused=_LOST,
        )
    },
    f"{_EVALUATION}/status": {
        "post": worker_operation(
            "tell",
            "Report progress; renews the lease.",
            json_answer("Noted.", "Evaluation"),
            takes=body(ref("Progress")),
            parameters=_HELD,
            refused=(*_LOST, 422),
        )
    },
    f"{_EVALUATION}/artifacts/{{place}}/{{octave}}/{{kind}}.png": {
        "put": worker_operation(
            "picture",
            "Upload a picture; it is decoded and re-encoded.",
            json_answer("Stored.", "Picture"),
            takes=_PNG,
            parameters=[
                EVALUATION,
                parameter(
                    "place", "path", words("A place's short name.", pattern="^[a-z0-9][a-z0-9-]{0,39}$")
                ),
                parameter("octave", "path", words("Two digits.", pattern="^[0-9][0-9]$")),
                parameter("kind", "path", words("Which picture.", enum=["model", "error"])),
                LEASE,
            ],
            refused=(*_LOST, 413, 422, 507),
        )
    },
    f"{_EVALUATION}/artifacts/samples/{{target}}/{{picture}}.png": {
        "put": worker_operation(
            "target_picture",
            "Upload a picture of a target; it is shown once the season's secret is public.",
            json_answer("Stored.", "Picture"),
            takes=_PNG,
            parameters=[
                EVALUATION,
                parameter("target", "path", whole("From 1.", minimum=1, maximum=9)),
                parameter(
                    "picture", "path", words("Which picture.", pattern="^(truth|error|film-[0-9][0-9])$")
                ),
                LEASE,
            ],
            refused=(*_LOST, 413, 422, 507),
        )
    },
    f"{_EVALUATION}/evidence": {
        "put": worker_operation(
            "evidence",
            "Upload the data of the plots of controls and probes.",
            json_answer("Stored.", "Kept"),
            takes=body({"type": "object"}),
            parameters=_HELD,
            refused=(*_LOST, 413, 422, 507),
        )
    },
    f"{_EVALUATION}/stages/{{stage}}": {
        "post": worker_operation(
            "finish_stage",
            "Upload the results of a stage; it is not repeated.",
            json_answer("Stored.", "StageTaken"),
            takes=body(ref("FoundStage")),
            parameters=[
                EVALUATION,
                parameter(
                    "stage",
                    "path",
                    words("The stage.", enum=[stage.value for stage in Stage if stage is not Stage.PICTURES]),
                ),
                LEASE,
                SPEED,
            ],
            refused=(*_LOST, 413, 422),
        )
    },
    f"{V1}/worker/certificates/{{digest}}": {
        "get": worker_operation(
            "certificate",
            "The certificate of the same code from another evaluation.",
            json_answer("The certificate."),
            parameters=[
                parameter("digest", "path", words("SHA-256, hexadecimal.", pattern="^[0-9a-f]{64}$"))
            ],
            refused=(404,),
        )
    },
    _REPRODUCTION: {
        "get": worker_operation(
            "to_reproduce",
            "What an entry was judged on, to repeat its training.",
            json_answer("The entry.", "ToReproduce"),
            parameters=[SUBMISSION],
            refused=_LOST,
        ),
        "put": worker_operation(
            "reproduced",
            "Post the result of a repeated training; answers with the comparison.",
            json_answer("Compared.", "Reproduction"),
            takes=body(ref("RepeatedTraining")),
            parameters=[SUBMISSION],
            refused=(*_LOST, 413, 422),
        ),
    },
    f"{_REPRODUCTION}/bundle": {
        "get": worker_operation(
            "bundle_to_reproduce",
            "The bundle of an entry whose training is repeated.",
            file_answer("The zip file.", "application/zip"),
            parameters=[SUBMISSION],
            refused=_LOST,
        )
    },
    f"{_EVALUATION}/release": {
        "post": worker_operation(
            "release",
            "Give the lease back: another worker goes on with what is not done.",
            json_answer("It waits again.", "Evaluation"),
            parameters=_HELD,
            refused=_LOST,
        )
    },
    f"{_EVALUATION}/report": {
        "post": worker_operation(
            "finish",
            "Upload the report, which ends the evaluation. Repeating it changes nothing.",
            json_answer("Judged.", "Evaluation"),
            takes=body(either("Report", "SamplesReport")),
            parameters=[*_HELD, SPEED],
            refused=(*_LOST, 422),
        )
    },
    f"{_EVALUATION}/failure": {
        "post": worker_operation(
            "fail",
            "Report that it could not be judged.",
            json_answer("Failed, or queued again.", "Evaluation"),
            takes=body(ref("Failure")),
            parameters=_HELD,
            refused=(*_LOST, 422),
        )
    },
}
WORKER_PATHS[f"{V1}/worker/claim"]["post"]["responses"]["204"] = {"description": "The queue is empty."}
for _path in (f"{_CANARY}/bundle", f"{_EVALUATION}/bundle", f"{_REPRODUCTION}/bundle"):
    WORKER_PATHS[_path]["get"]["responses"] |= ELSEWHERE
