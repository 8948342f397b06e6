"""Refuse a request by its head alone, before a byte of its body is read or stored."""

from typing import Final
from urllib.parse import urlsplit

from flask import request

from leaderboard.errors import Refused
from leaderboard.web.auth import require_user
from leaderboard.web.request_args import check_length

# Of every form and every JSON value but an upload's and a worker's.
SMALL_BODY: Final = 256 * 1024
_UPLOADS: Final = ("api.submit", "pages.submit")
# Bodies of several MiB, which their views read once the token is known.
_WORKERS: Final = ("worker_api", "tile_worker")


def check_head() -> None:
    """Before everything else: small bodies where no upload belongs, and no upload by form of a stranger.

    Raises:
        Refused: 413 for a body that says it is too large, 401 for an upload by form of somebody who is not
            signed in, 400 where it comes from a page of another site.
    """
    if request.endpoint not in _UPLOADS and request.blueprint not in _WORKERS:
        request.max_content_length = SMALL_BODY
        check_length(SMALL_BODY, "too_large", "A request to this address")
    if request.endpoint == "pages.submit" and request.method == "POST":
        # The form's own token stands in the body, behind the upload.
        _check_origin()
        require_user()


def _check_origin() -> None:
    """Browsers name the site whose page sends a form; where nobody does, the form's token decides."""
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.host:
        raise Refused(
            400,
            "form_forged",
            "This form was sent from a page of another site.",
            "Open the page here and send it again.",
        )
