"""Where workers say what is in force on their machines. Only for a worker's token."""

from flask import Blueprint, Response, jsonify

from leaderboard.services import machines as known
from leaderboard.web.extensions import UNCOUNTED, csrf, limiter
from leaderboard.web.request_args import check_length, json_body
from leaderboard.web.request_context import request_token, write_transaction

worker_machine_api = Blueprint("worker_machine_api", __name__, url_prefix="/api/v1/worker")
csrf.exempt(worker_machine_api)
limiter.exempt(worker_machine_api, flags=UNCOUNTED)
_BYTES_LIMIT = 32 * 1024


@worker_machine_api.put("/machine")
def introduce() -> Response:
    """What is in force on the machine of this worker; shown to everybody."""
    check_length(_BYTES_LIMIT, "machine_large", "The description of a machine")
    with write_transaction() as session:
        known.introduce(session, request_token(session, "worker"), json_body())
        return jsonify({"noted": True})
