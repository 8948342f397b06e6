"""submission.toml: name, author and description of a submission, checked field by field."""

import re
import tomllib
from dataclasses import dataclass, fields
from typing import Any, Final
from urllib.parse import urlsplit

from challenge.bundle.limits import MANIFEST_LIMIT
from challenge.bundle.names import code_point, find_invisible, is_blank
from challenge.results.refusals import refuse

FILE: Final = "submission.toml"
DESCRIPTION_LENGTH: Final = 2000
TEXT_LENGTH: Final = 200

# By the first bytes, where the first character is of ASCII or a byte order mark; the longer ones first.
_OTHER_ENCODINGS: Final = (
    (re.compile(rb"\xff\xfe\0\0|[^\0]\0\0\0", re.DOTALL), "UTF-32LE"),
    (re.compile(rb"\0\0\xfe\xff|\0\0\0[^\0]", re.DOTALL), "UTF-32BE"),
    (re.compile(rb"\xff\xfe|[^\0]\0", re.DOTALL), "UTF-16LE"),
    (re.compile(rb"\xfe\xff|\0[^\0]", re.DOTALL), "UTF-16BE"),
)
_TYPOGRAPHIC: Final = re.compile("[\u2018\u2019\u201c\u201d\u201e\u00ab\u00bb\u00a0]")
# A text without quotes, or after a colon, as in YAML.
_UNQUOTED: Final = re.compile(r"\s*(name|author|description|license|url|method|paper)\s*(?:=\s*[^\s\"'=]|:)")
_ENTRY: Final = re.compile(r"[1-9][0-9]{0,8}")


@dataclass(frozen=True)
class Manifest:
    """The fields of submission.toml; an optional one that is absent is ''.

    Attributes:
        builds_on: the entry that this one started from: its number, or a web address.
    """

    name: str
    author: str
    description: str
    license: str = ""
    url: str = ""
    method: str = ""
    paper: str = ""
    builds_on: str = ""


def parse_manifest(content: bytes) -> Manifest:
    """Parse and check the bytes of submission.toml.

    Raises:
        EvaluationError: MANIFEST_INVALID; the detail names the field that is wrong.
    """
    # The TOML parser's time and memory grow with the square of a dotted key's length.
    if len(content) > MANIFEST_LIMIT:
        raise refuse(
            "manifest.size", f"It has {len(content):,} bytes; {MANIFEST_LIMIT:,} are allowed.", where=FILE
        )
    values = _parse(content)
    if "api" not in values:
        raise refuse("manifest.api", "The line `api = 1` is missing.", where=FILE)
    api = values.pop("api")
    if type(api) is not int or api != 1:
        raise refuse("manifest.api", f"It says api = {api!r:.40}; only api = 1 exists.", where=FILE)
    known = sorted(field.name for field in fields(Manifest))
    if isinstance(values.get("builds_on"), int) and not isinstance(values["builds_on"], bool):
        values["builds_on"] = str(values["builds_on"])
    for name, value in values.items():
        if name not in known:
            found = f"The field {name[:40]!r} is unknown; known are api, {', '.join(known)}."
            raise refuse("manifest.field", found, where=FILE)
        _check_text(name, value)
    for name in ("name", "author", "description"):
        if is_blank(str(values.get(name, ""))):
            raise refuse("manifest.missing", f"{name} is missing or empty.", where=f"{FILE}: {name}")
    for name in ("url", "paper"):
        if values.get(name) and not _is_web_address(values[name]):
            found = f"{name} must start with http:// or https://."
            raise refuse("manifest.address", found, where=f"{FILE}: {name}")
    builds_on = values.get("builds_on", "").strip()
    if builds_on and not (_ENTRY.fullmatch(builds_on) or _is_web_address(builds_on)):
        raise refuse(
            "manifest.builds-on",
            "builds_on must be the number of an entry, such as 123, or a web address.",
            where=f"{FILE}: builds_on",
        )
    return Manifest(**{name: value.strip() for name, value in values.items()})


def _parse(content: bytes) -> dict[str, Any]:
    encoding = next((name for start, name in _OTHER_ENCODINGS if start.match(content)), None)
    if encoding is not None:
        raise refuse(
            "manifest.encoding",
            f"It is not TOML in UTF-8: it is {encoding}, which some editors call Unicode.",
            where=FILE,
            remedy=f"Save it as UTF-8: iconv -f {encoding} -t UTF-8 submission.toml > fixed.toml",
        )
    try:
        # Editors on Windows put a byte order mark in front of UTF-8.
        text = content.decode().lstrip("\ufeff")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise refuse(
            "manifest.encoding", f"It is not TOML in UTF-8: {error} (line {line}).", where=FILE
        ) from error
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise refuse(
            "manifest.syntax", f"It is not TOML: {error}.", where=FILE, remedy=_syntax_remedy(text)
        ) from error


def _syntax_remedy(text: str) -> str:
    """The likely cause of a syntax error, where the text shows one; else ''."""
    start = text.lstrip()[:5].lower()
    if start.startswith(("{", "<", "---")):
        plain = "rich text" if start.startswith("{\\rtf") else "JSON"
        kind = {"{": plain, "<": "a web page"}.get(start[0], "YAML")
        return f'It looks like {kind}: write lines such as name = "My network"'
    for number, line in enumerate(text.split("\n"), 1):
        if found := _TYPOGRAPHIC.search(line):
            return f"Line {number} has {code_point(found[0])}: type plain quotes and spaces"
        if found := _UNQUOTED.match(line):
            return f'Line {number}: {found[1]} = "...", in plain quotes'
        if '"' in line and "\\" in line:
            return f"Line {number} has a backslash: write the text in single quotes"
    return ""


def _check_text(name: str, value: object) -> None:
    """Refuse a value that is no text, is too long, or holds what nobody can see."""
    limit = DESCRIPTION_LENGTH if name == "description" else TEXT_LENGTH
    where = f"{FILE}: {name}"
    if not isinstance(value, str) or len(value) > limit:
        raise refuse("manifest.text", f"{name} must be a text of at most {limit} characters.", where=where)
    # A description may have paragraphs.
    shown = value.replace("\r\n", " ").replace("\n", " ") if name == "description" else value
    if (character := find_invisible(shown)) is not None:
        found = f"{name} holds {code_point(character)}, which nobody can see."
        raise refuse("manifest.invisible", found, where=where)


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)
