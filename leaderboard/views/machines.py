"""Where workers say what is in force on their machines. Only for a worker's token."""

from flask import Blueprint, Response, jsonify, request

from leaderboard.errors import Refused
from leaderboard.services import machines as known
from leaderboard.web.request_context import body, token, writing

machines = Blueprint("machines", __name__, url_prefix="/api/v1/worker")
_BYTES_LIMIT = 32 * 1024


@machines.put("/machine")
def introduce() -> Response:
    """What is in force on the machine of this worker; shown to everybody."""
    if (request.content_length or 0) > _BYTES_LIMIT:
        raise Refused(413, "machine_large", f"A machine is described in at most {_BYTES_LIMIT:,} bytes.")
    with writing() as session:
        known.introduce(session, token(session, "worker"), body())
        return jsonify({"noted": True})
