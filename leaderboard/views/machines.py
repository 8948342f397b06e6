"""Where workers say what is in force on their machines. Only for a worker's token."""

from flask import Blueprint, Response, jsonify, request

from leaderboard.errors import Refused
from leaderboard.services import machines as known
from leaderboard.web.request_context import json_body, request_token, write_transaction

worker_machine_api = Blueprint("worker_machine_api", __name__, url_prefix="/api/v1/worker")
_BYTES_LIMIT = 32 * 1024


@worker_machine_api.put("/machine")
def introduce() -> Response:
    """What is in force on the machine of this worker; shown to everybody."""
    if (request.content_length or 0) > _BYTES_LIMIT:
        raise Refused(413, "machine_large", f"A machine is described in at most {_BYTES_LIMIT:,} bytes.")
    with write_transaction() as session:
        known.introduce(session, request_token(session, "worker"), json_body())
        return jsonify({"noted": True})
