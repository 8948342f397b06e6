"""What a request asks for: its JSON, its upload, its track. Each is Refused with 422 where it is unclear."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from flask import request

from challenge.scoring.tracks import Track
from leaderboard.errors import Refused

BOTH: Final = "both"


def json_body() -> Any:
    """The JSON of this request, without NaN."""

    def refuse(_name: str) -> None:
        raise ValueError("NaN and infinity are no JSON")

    try:
        return json.loads(request.get_data(cache=False), parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise Refused(422, "json_invalid", f"The body is not JSON: {error}.") from error


def check_length(most: int, code: str, what: str) -> None:
    """Refused with 413 where this request says that its body is longer than `most` bytes."""
    if (request.content_length or 0) > most:
        raise Refused(413, code, f"{what} has at most {most:,} bytes.")


def upload_path(field: str) -> Path:
    """The uploaded file of a form field, on the disk."""
    upload = request.files.get(field)
    if upload is None or not upload.filename:
        raise Refused(422, "bundle_missing", f"Choose a bundle: the form has no file called {field!r}.")
    upload.stream.flush()
    return Path(upload.stream.name)


def tracks_of(text: str) -> tuple[Track, ...]:
    """The tracks of "open", "samples" or "both", which '' stands for."""
    if text in ("", BOTH):
        return tuple(Track)
    try:
        return (Track(text),)
    except ValueError as error:
        raise Refused(
            422, "track_unknown", f"track is one of 'open', 'samples' and 'both', not {text[:40]!r}."
        ) from error


def asked_track() -> Track | None:
    """The track that the query names; None where it names none."""
    tracks = tracks_of(request.args.get("track", ""))
    return tracks[0] if len(tracks) == 1 else None


def asked_id(values: Mapping[str, str], name: str) -> int | None:
    """The id under a name; None where there is none."""
    text = values.get(name)
    if text is None:
        return None
    if text.isascii() and text.isdigit() and 0 < int(text[:12]) < 2**31 and len(text) < 11:
        return int(text)
    raise Refused(422, "query_invalid", f"{name} is a whole number, not {text[:40]!r}.")
