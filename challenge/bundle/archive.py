"""Read the members of a bundle's zip file: each is bounded, and refused by name if it does not belong.

Files that operating systems and tools leave in archives by themselves are skipped, and one folder around
everything is removed. Both are noted, and shown to the person.
"""

import re
import stat
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from challenge.bundle.limits import ARCHIVE_LIMIT, FRAMES_LIMIT, MEMBERS_LIMIT, member_limit
from challenge.results.refusals import refuse
from challenge.results.verdicts import EvaluationError
from challenge.util.plain_text import plain_line

# Resource forks and folder settings of macOS, Windows and Linux desktops; caches of Python and Jupyter.
_RUBBISH_FOLDERS: Final = frozenset(
    {
        "__MACOSX", "__pycache__", ".ipynb_checkpoints", ".Spotlight-V100", ".Trashes", ".fseventsd",
        "$RECYCLE.BIN", "System Volume Information", ".mypy_cache", ".ruff_cache", ".pytest_cache",
        ".AppleDouble", ".TemporaryItems", ".DocumentRevisions-V100", "@eaDir", "lost+found",
    }
)  # fmt: skip
# In lower case, as some systems do not tell it from upper case.
_RUBBISH_FILES: Final = frozenset(
    {
        ".ds_store",
        ".localized",
        ".lsoverride",
        ".apdisk",
        "thumbs.db",
        "ehthumbs.db",
        "desktop.ini",
        ".directory",
        "icon\r",
        ".dropbox",
        ".dropbox.attr",
    }
)
# Twice the members, because the Finder stores a second one for each.
_LISTED_LIMIT: Final = 4 * MEMBERS_LIMIT
_TOPS: Final = ("submission.toml", "model.py", "weights.safetensors")
_NAMES: Final = (*_TOPS, "train.toml", "README.md")
# What browsers and file managers add to the name of a second one.
_COPY: Final = re.compile(r" ?(?:\(\d+\)| copy(?: \d+)?| - Copy)(?=\.)", re.IGNORECASE)
_NAMED: Final = 8
# Characters of a name that messages quote.
_LONGEST_NAME: Final = 80
_UNPACK_ERRORS: Final = (
    zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OSError,
)  # fmt: skip


@dataclass(frozen=True)
class Contents:
    """Files by name, and what people should know about how they were found."""

    files: dict[str, bytes]
    notes: tuple[str, ...] = ()


def is_rubbish(name: str) -> bool:
    """Whether an operating system, Python or Jupyter leaves a file of this name behind by itself."""
    parts = name.split("/")
    return (
        any(part in _RUBBISH_FOLDERS for part in parts)
        or any(part.startswith(".Trash-") for part in parts)
        or parts[-1].lower() in _RUBBISH_FILES
        or parts[-1].startswith("._")
    )


def read_limited(name: str, open_member: Callable[[], IO[bytes]], limit: int) -> bytes:
    """Read a member up to `limit` bytes, whatever size the archive claims for it.

    Raises:
        EvaluationError: ARCHIVE_TOO_LARGE.
    """
    with open_member() as stream:
        content = stream.read(limit + 1)
    if len(content) > limit:
        raise refuse("archive.member-size", f"{name} unpacks to more than {limit:,} bytes.", where=name)
    return content


def read_archive(path: Path) -> Contents:
    """Read every member of a zip file.

    Raises:
        EvaluationError: it is no zip file, or a member is refused; names the member.
    """
    if path.stat().st_size > ARCHIVE_LIMIT:
        raise refuse(
            "archive.size", f"The archive itself has more than {ARCHIVE_LIMIT:,} bytes.", where=path.name
        )
    try:
        with zipfile.ZipFile(path) as archive:
            named, notes = _select(archive.infolist())
            return Contents(_read(archive, named), tuple(notes))
    except _UNPACK_ERRORS as error:
        raise refuse("archive.not-a-zip", f"({type(error).__name__}: {error})", where=path.name) from error


def _select(members: Sequence[zipfile.ZipInfo]) -> tuple[list[tuple[str, zipfile.ZipInfo]], list[str]]:
    """The members that count, by their name in the bundle, and notes on the others."""
    found = [(_portable(member), member) for member in members[: _LISTED_LIMIT + 1]]
    kept = [(name, member) for name, member in found if not is_rubbish(name)]
    if len(members) > _LISTED_LIMIT or len(kept) > MEMBERS_LIMIT:
        raise refuse(
            "archive.members", f"It has {len(members)} members; {MEMBERS_LIMIT} are allowed.", where="archive"
        )
    notes = []
    if len(kept) < len(found):
        left = [plain_line(name[:_LONGEST_NAME]) for name, _ in found if is_rubbish(name)]
        more = f" and {len(left) - _NAMED} more" if len(left) > _NAMED else ""
        notes.append(f"Passed over, left by the system: {', '.join(left[:_NAMED])}{more}.")
    folder = _folder_around([name for name, _ in kept])
    if folder:
        notes.append(f"Took off the folder {folder[:_LONGEST_NAME]!r} around everything.")
        kept = [(name.removeprefix(f"{folder}/"), member) for name, member in kept]
    return [
        (name, member)
        for name, member in kept
        # Entries of the folders themselves, which hold nothing.
        if not (name in ("", "frames/") and not member.file_size)
    ], notes


def _portable(member: zipfile.ZipInfo) -> str:
    """A member's path; some programs on Windows separate with backslashes."""
    name = member.orig_filename
    if member.filename != name:
        raise _refuse_member(name, "does not belong in a bundle")
    return name.replace("\\", "/") if "/" not in name else name


def _folder_around(names: list[str]) -> str:
    """The one folder that everything is in; '' if there is none."""
    tops = {name.split("/")[0] for name in names}
    if len(tops) != 1 or not all("/" in name for name in names):
        return ""
    (top,) = tops
    inside = {name.removeprefix(f"{top}/") for name in names}
    return top if top not in ("", ".", "..") and inside.intersection(_TOPS) else ""


def _refuse_member(name: str, why: str, rule: str = "archive.member", remedy: str = "") -> EvaluationError:
    shown = name[:_LONGEST_NAME]
    return refuse(rule, f"{shown!r} {why}.", where=shown, remedy=remedy)


def hidden_extension(name: str) -> str:
    """The name that a file was meant to have, such as submission.toml for submission.toml.txt; '' if none."""
    meant, dot, _ = name.rpartition(".")
    return meant if dot and member_limit(meant) is not None else ""


def meant_name(name: str) -> str:
    """The name in a bundle that this one is but for its case or a copy's number; '' if none."""
    plain = _COPY.sub("", name).lower()
    return next((known for known in _NAMES if known.lower() == plain and known != name), "")


def _read(archive: zipfile.ZipFile, members: list[tuple[str, zipfile.ZipInfo]]) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    seen: set[str] = set()
    frames = 0
    for name, member in members:
        limit = _check_member(name, member, seen)
        seen.add(name.lower())
        content = read_limited(name, lambda member=member: archive.open(member), limit)  # type: ignore[misc]
        frames += len(content) if name.startswith("frames/") else 0
        if frames > FRAMES_LIMIT:
            found = f"The frames unpack to more than {FRAMES_LIMIT:,} bytes."
            raise refuse("archive.member-size", found, where="frames/")
        files[name] = content
    return files


def _check_member(name: str, member: zipfile.ZipInfo, seen: set[str]) -> int:
    """The most bytes that a member may unpack to; refuses it where it may not be there at all."""
    limit = member_limit(name)
    shown = member.orig_filename
    mode = member.external_attr >> 16
    if limit is None:
        if meant := hidden_extension(name):
            raise _refuse_member(
                shown,
                f"does not belong in a bundle: was {meant} meant, and its extension hidden",
                "bundle.hidden-extension",
                f"Rename it to {meant}",
            )
        if meant := meant_name(name):
            raise _refuse_member(
                shown, f"does not belong in a bundle: was {meant} meant", remedy=f"Rename it to {meant}"
            )
        raise _refuse_member(shown, "does not belong in a bundle")
    if mode and not stat.S_ISREG(mode) and stat.S_IFMT(mode):
        raise _refuse_member(shown, "is a link or a special file", "archive.link")
    if name.lower() in seen:
        raise _refuse_member(shown, "stands in the archive twice", "archive.twice")
    if member.flag_bits & 0x1:
        raise _refuse_member(shown, "is encrypted", "archive.encrypted")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise _refuse_member(shown, "is packed by a method other than store and deflate", "archive.method")
    return limit
