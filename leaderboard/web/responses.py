"""Answers that several views give: conditional ones, pictures, bundles."""

import hashlib
from pathlib import Path
from typing import Final

from flask import Response, request, send_file

from leaderboard.errors import Refused, not_found

HOUR: Final = 3600
YEAR: Final = 365 * 24 * HOUR
# A picture that is opened by itself may run nothing.
_PICTURE_POLICY: Final = "default-src 'none'; sandbox"


def conditional(answer: Response) -> Response:
    """304 for a client that has this answer already; one that sets a cookie is sent whole."""
    if "Set-Cookie" not in answer.headers:
        answer.add_etag()
        answer.make_conditional(request)
    return answer


def png(content: bytes, seconds: int = HOUR) -> Response:
    """A PNG that the server made, which may be cached for `seconds`."""
    answer = Response(content, mimetype="image/png")
    answer.headers["Content-Security-Policy"] = _PICTURE_POLICY
    answer.headers["Cache-Control"] = f"public, max-age={seconds}"
    answer.set_etag(hashlib.sha256(content).hexdigest()[:32])
    answer.make_conditional(request)
    return answer


def png_file(path: Path, seconds: int = HOUR) -> Response:
    """A PNG on the disk; Refused with 404 where it is not there."""
    if not path.exists():
        raise not_found("picture")
    answer = send_file(path, mimetype="image/png", conditional=True, max_age=seconds)
    answer.headers["Content-Security-Policy"] = _PICTURE_POLICY
    return answer


def bundle_file(path: Path, *, name: str = "", digest: str = "") -> Response:
    """A bundle on the disk, as a download where it gets a name; Refused with 500 where it cannot be read."""
    try:
        return send_file(
            path,
            mimetype="application/zip",
            as_attachment=bool(name),
            download_name=name or None,
            etag=digest[:32] or True,
        )
    except OSError as error:
        raise Refused(500, "bundle_lost", f"The bundle cannot be read: {error.strerror}.") from error
