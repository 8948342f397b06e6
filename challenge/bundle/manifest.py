"""submission.toml: who handed in what, checked field by field."""

import re
import tomllib
from dataclasses import dataclass, fields
from typing import Final
from urllib.parse import urlsplit

from challenge.bundle.limits import MANIFEST_LIMIT
from challenge.results.verdicts import EvaluationError, Reason

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class Manifest:
    """The fields of submission.toml; an optional one that is absent is ''."""

    name: str
    author: str
    description: str
    license: str = ""
    url: str = ""
    method: str = ""
    paper: str = ""


def parse_manifest(content: bytes) -> Manifest:
    """Parse and check the bytes of submission.toml.

    Raises:
        EvaluationError: MANIFEST_INVALID; the detail names the field that is wrong.
    """

    def wrong(detail: str) -> EvaluationError:
        return EvaluationError(Reason.MANIFEST_INVALID, detail)

    # The TOML parser's time and memory grow with the square of a dotted key's length.
    if len(content) > MANIFEST_LIMIT:
        raise wrong(f"It has {len(content):,} bytes; {MANIFEST_LIMIT:,} are allowed.")
    try:
        values = tomllib.loads(content.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise wrong(f"It is not TOML in UTF-8: {error}.") from error
    if "api" not in values:
        raise wrong("The line `api = 1` is missing.")
    api = values.pop("api")
    if type(api) is not int or api != 1:
        raise wrong(f"It says api = {str(api)[:40]}; only api = 1 exists.")
    known = {field.name for field in fields(Manifest)}
    for name, value in values.items():
        if name not in known:
            raise wrong(f"The field {name[:40]!r} is unknown; known are api, {', '.join(sorted(known))}.")
        limit = 2000 if name == "description" else 200
        if not isinstance(value, str) or len(value) > limit:
            raise wrong(f"{name} must be a text of at most {limit} characters.")
        if _CONTROL.search(value.replace("\n", " ") if name == "description" else value):
            raise wrong(f"{name} holds control characters.")
    for name in ("name", "author", "description"):
        if not str(values.get(name, "")).strip():
            raise wrong(f"{name} is missing or empty.")
    for name in ("url", "paper"):
        if name in values and values[name] and not _is_web_address(values[name]):
            raise wrong(f"{name} must start with http:// or https://.")
    return Manifest(**{name: value.strip() for name, value in values.items()})


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)
