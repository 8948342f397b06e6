"""Static files: addresses that carry a digest of the content, cached for a year; compressed text."""

import gzip
import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from flask import Flask, Response, request, send_from_directory
from werkzeug.wrappers import Response as BaseResponse

_YEAR: Final = 365 * 24 * 3600
# Shorter answers do not get smaller.
_MIN_BYTES: Final = 1024
_TEXT: Final = ("text/html", "text/css", "text/javascript", "application/json", "image/svg+xml", "text/csv")
_AT_ROOT: Final = {
    "favicon.ico": "favicon.ico",
    "apple-touch-icon.png": "touch-icon.png",
    "robots.txt": "robots.txt",
}


@lru_cache(maxsize=256)
def _digest(path: Path, _changed: float) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def install(app: Flask) -> None:
    """Add digests to the addresses of static files, serve those at the root, and compress text."""
    folder = Path(str(app.static_folder))

    def version(name: str) -> str:
        path = folder / name
        return _digest(path, path.stat().st_mtime) if path.is_file() else ""

    def add_version(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == "static" and (found := version(values.get("filename", ""))):
            values.setdefault("v", found)

    def finish(response: Response) -> Response:
        if request.endpoint == "static" and request.args.get("v"):
            # Modules import each other without a digest: those are asked for again, and answered with 304.
            current = request.args["v"] == version((request.view_args or {}).get("filename", ""))
            if current:
                response.headers["Cache-Control"] = f"public, max-age={_YEAR}, immutable"
        return _compressed(response)

    def at_root() -> BaseResponse:
        return send_from_directory(folder, _AT_ROOT[request.path[1:]], max_age=24 * 3600)

    app.url_defaults(add_version)
    app.after_request(finish)
    for path in _AT_ROOT:
        app.add_url_rule(f"/{path}", f"root_{path.partition('.')[0]}", at_root)


def _compressed(response: Response) -> Response:
    if (
        response.status_code != 200
        or response.mimetype not in _TEXT
        or (response.is_streamed and request.endpoint != "static")
        or "Content-Encoding" in response.headers
    ):
        return response
    response.vary.add("Accept-Encoding")
    if request.method == "HEAD" or "gzip" not in request.headers.get("Accept-Encoding", ""):
        return response
    response.direct_passthrough = False
    body = response.get_data()
    # A secret beside text of the visitor's choice must not be compressed: the length would give it away.
    if len(body) < _MIN_BYTES or b'name="csrf_token"' in body:
        return response
    response.set_data(gzip.compress(body, 6))
    response.headers["Content-Encoding"] = "gzip"
    etag, _ = response.get_etag()
    if etag:
        response.set_etag(etag, weak=True)
    return response
