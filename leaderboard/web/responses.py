"""Answers that several views give: conditional ones, pictures, bundles."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

from flask import Response, request, send_file

from leaderboard.errors import Refused, not_found
from leaderboard.services import submissions
from leaderboard.storage import storage_of
from leaderboard.web.request_context import app_context

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


def tagged_png(tag: str, make: Callable[[], bytes], seconds: int = HOUR) -> Response:
    """A PNG that is known by a tag: who has it already gets 304, and it is not made."""
    answer = Response(mimetype="image/png")
    answer.headers["Content-Security-Policy"] = _PICTURE_POLICY
    answer.headers["Cache-Control"] = f"public, max-age={seconds}"
    answer.set_etag(tag)
    if not request.if_none_match.contains_weak(tag):
        answer.data = make()
    answer.make_conditional(request)
    return answer


def stored_bundle(digest: str, *, name: str = "") -> Response:
    """A bundle, as a download where it gets a name; Refused with 500 where it cannot be read.

    Object storage hands it out itself, to everybody who has the address that is given here.
    """
    storage, key = storage_of(app_context().config), submissions.bundle_key(digest)
    link = storage.link(key)
    if link is not None:
        return Response(status=302, headers={"Location": link, "Cache-Control": "no-store"})
    path = storage.local_path(key)
    assert path is not None
    try:
        return send_file(
            path,
            mimetype="application/zip",
            as_attachment=bool(name),
            download_name=name or None,
            etag=digest[:32],
        )
    except OSError as error:
        raise Refused(500, "bundle_lost", f"The bundle cannot be read: {error.strerror}.") from error
