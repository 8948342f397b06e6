"""The bundle a person hands in: read it, refuse by name what may not be in it, write it.

Contract, section 5.

Nothing here runs or unpickles anything of a bundle that somebody else made: the manifest is TOML, the weights
are read as bytes and their header is checked, and the sources stay bytes until the sandbox has them.
"""

import hashlib
import re
import stat
import tomllib
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import IO, Final
from urllib.parse import urlsplit

from challenge.bundle.train_config import RecipeError, read_recipe
from challenge.bundle.weights import check_weights
from challenge.results.verdicts import EvaluationError, Reason
from challenge.util.atomic_files import replacing

KIB: Final = 1024
MIB: Final = 1024 * KIB
WEIGHTS_LIMIT: Final = 256 * MIB
TEXT_LIMIT: Final = 1 * MIB
MANIFEST_LIMIT: Final = 16 * KIB
FRAME_LIMIT: Final = 4 * MIB
FRAMES_LIMIT: Final = 64 * MIB
ARCHIVE_LIMIT: Final = WEIGHTS_LIMIT + FRAMES_LIMIT + 16 * MIB
MEMBERS_LIMIT: Final = 600

NEEDED: Final = ("submission.toml", "model.py", "weights.safetensors")
# A safetensors file without tensors.
NO_WEIGHTS: Final = (2).to_bytes(8, "little") + b"{}"
WEIGHT_CLASSES: Final = {"feather": 64 * KIB, "light": 1 * MIB, "middle": 16 * MIB, "heavy": 256 * MIB}

_SOURCE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}\.py")
_FRAME: Final = re.compile(r"frames/[A-Za-z0-9_-]{1,64}\.png")
_TEXTS: Final = ("submission.toml", "train.toml", "README.md")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
# A fixed time in every archive, so that the same files make the same bytes.
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Manifest:
    """What submission.toml says; a text that is not there is ''."""

    name: str
    author: str
    description: str
    license: str = ""
    url: str = ""
    method: str = ""
    paper: str = ""


@dataclass(frozen=True)
class Bundle:
    """A bundle that has passed every check made before anything of it runs."""

    manifest: Manifest
    files: dict[str, bytes]

    @property
    def sources(self) -> dict[str, bytes]:
        """model.py and the helper modules beside it."""
        return {name: content for name, content in self.files.items() if name.endswith(".py")}

    @property
    def weights(self) -> bytes:
        """weights.safetensors as it is."""
        return self.files["weights.safetensors"]

    @property
    def frames(self) -> dict[str, bytes]:
        """Pictures of the learning, in the order of their names."""
        return {name: self.files[name] for name in sorted(self.files) if name.startswith("frames/")}

    @property
    def readme(self) -> str:
        """README.md, or ''."""
        return self.files.get("README.md", b"").decode("utf-8", "replace")

    @property
    def train(self) -> str:
        """train.toml, or ''."""
        return self.files.get("train.toml", b"").decode("utf-8", "replace")

    @cached_property
    def size(self) -> int:
        """Bytes of the sources and the weights: what the weight class is made from."""
        return sum(map(len, self.sources.values())) + len(self.weights)

    @property
    def weight_class(self) -> str:
        """feather, light, middle or heavy."""
        return weight_class(self.size)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over names and contents: the same for a directory and for the archive made of it."""
        total = hashlib.sha256()
        for name in sorted(self.files):
            total.update(f"{name}\0{hashlib.sha256(self.files[name]).hexdigest()}\n".encode())
        return total.hexdigest()


def weight_class(size: int) -> str:
    """Name of the lightest class that holds `size` bytes; EvaluationError above the heaviest."""
    for name, limit in WEIGHT_CLASSES.items():
        if size <= limit:
            return name
    raise EvaluationError(
        Reason.ARCHIVE_TOO_LARGE, f"Sources and weights take {size:,} bytes; heavy ends at {WEIGHTS_LIMIT:,}."
    )


def read_bundle(path: Path, *, trained: bool = True) -> Bundle:
    """Read and check a zip file, or a directory with the same files.

    Of a directory only the files that belong to a bundle are read, so it may hold checkpoints and notes.

    Args:
        path: of either.
        trained: whether it needs weights; on the samples track they are learned while the judge watches.

    Raises:
        EvaluationError: with the reason, and a sentence that names the member at fault.
    """
    if not path.exists():
        raise EvaluationError(Reason.ARCHIVE_UNREADABLE, f"There is nothing at {path}.")
    files = dict(_directory_files(path) if path.is_dir() else _archive_files(path))
    if not trained:
        files.setdefault("weights.safetensors", NO_WEIGHTS)
    for name in NEEDED:
        if name not in files:
            raise EvaluationError(Reason.FILE_MISSING, f"There is no {name} at the top of {path.name}.")
    if files["weights.safetensors"] != NO_WEIGHTS or trained:
        check_weights(files["weights.safetensors"])
    bundle = Bundle(parse_manifest(files["submission.toml"]), files)
    weight_class(bundle.size)
    return bundle


def parse_manifest(content: bytes) -> Manifest:
    """The manifest of submission.toml's bytes; EvaluationError names the field that is wrong."""

    def wrong(detail: str) -> EvaluationError:
        return EvaluationError(Reason.MANIFEST_INVALID, detail)

    # The parser's work and memory grow with the square of a dotted key's length.
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
        raise wrong(f"It says api = {str(api)[:40]}; there is only api = 1.")
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


def limit_of(name: str) -> int | None:
    """The most bytes a member of this name may unpack to; None where a bundle may not hold it."""
    if name == "weights.safetensors":
        return WEIGHTS_LIMIT
    if name in _TEXTS or _SOURCE.fullmatch(name):
        return TEXT_LIMIT
    return FRAME_LIMIT if _FRAME.fullmatch(name) else None


def _bounded(name: str, open_member: Callable[[], IO[bytes]], limit: int) -> bytes:
    """Read a member, trusting none of the sizes it claims."""
    with open_member() as stream:
        content = stream.read(limit + 1)
    if len(content) > limit:
        raise EvaluationError(Reason.ARCHIVE_TOO_LARGE, f"{name} unpacks to more than {limit:,} bytes.")
    return content


def _archive_files(path: Path) -> Iterator[tuple[str, bytes]]:
    def refused(name: str, why: str) -> EvaluationError:
        return EvaluationError(Reason.ARCHIVE_MEMBER_REFUSED, f"{name[:80]!r} {why}.")

    if path.stat().st_size > ARCHIVE_LIMIT:
        raise EvaluationError(
            Reason.ARCHIVE_TOO_LARGE, f"The archive itself has more than {ARCHIVE_LIMIT:,} bytes."
        )
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > MEMBERS_LIMIT:
                raise EvaluationError(
                    Reason.ARCHIVE_MEMBER_REFUSED,
                    f"It has {len(members)} members; {MEMBERS_LIMIT} are allowed.",
                )
            seen: set[str] = set()
            frames = 0
            for member in members:
                name = member.orig_filename
                limit = limit_of(name)
                mode = member.external_attr >> 16
                if name == "frames/" and not member.file_size:
                    continue
                if limit is None or member.filename != name:
                    raise refused(name, "does not belong into a bundle")
                if mode and not stat.S_ISREG(mode) and stat.S_IFMT(mode):
                    raise refused(name, "is a link or a special file")
                if name.lower() in seen:
                    raise refused(name, "stands in the archive twice")
                if member.flag_bits & 0x1:
                    raise refused(name, "is encrypted")
                if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    raise refused(name, "is packed by a method other than store and deflate")
                seen.add(name.lower())
                content = _bounded(name, lambda member=member: archive.open(member), limit)  # type: ignore[misc]
                frames += len(content) if name.startswith("frames/") else 0
                if frames > FRAMES_LIMIT:
                    raise EvaluationError(
                        Reason.ARCHIVE_TOO_LARGE, f"The frames unpack to more than {FRAMES_LIMIT:,} bytes."
                    )
                yield name, content
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OSError) as error:
        raise EvaluationError(Reason.ARCHIVE_UNREADABLE, f"({type(error).__name__}: {error})") from error


def _directory_files(path: Path) -> Iterator[tuple[str, bytes]]:
    for file in sorted([*path.iterdir(), *(path / "frames").glob("*")]):
        name = file.relative_to(path).as_posix()
        limit = limit_of(name)
        if limit is None or name.startswith("test_"):
            continue
        if file.is_symlink() or (path / "frames").is_symlink() or not file.is_file():
            raise EvaluationError(Reason.ARCHIVE_MEMBER_REFUSED, f"{name!r} is a link or a special file.")
        yield name, _bounded(name, lambda file=file: file.open("rb"), limit)  # type: ignore[misc]


def _unfollowed(directory: Path) -> list[str]:
    """A sentence where train.toml is not one that `mbc train` could follow: it may be somebody's own."""
    try:
        read_recipe(directory)
    except RecipeError as error:
        return [f"Packed as it is, though `mbc train` could not follow it: {error}"]
    return []


def pack(directory: Path, out: Path, *, trained: bool = True) -> list[str]:
    """Make the archive of a directory, converting a .pt state dict where there are no safetensors.

    The archive is written beside `out` first and then renamed, so a failure leaves an old one whole.
    `trained`: whether it needs weights, as for `read_bundle`.

    Returns:
        What was done, in sentences.

    Raises:
        EvaluationError: the directory is not a valid bundle.
        OSError: the archive cannot be written.
    """
    from challenge.bundle.weights import convert_state_dict  # noqa: PLC0415 - only a .pt file needs torch

    did: list[str] = []
    states = sorted(directory.glob("*.pt")) if directory.is_dir() else []
    if states and not (directory / "weights.safetensors").exists():
        did += convert_state_dict(states, directory / "weights.safetensors")
    bundle = read_bundle(directory, trained=trained)
    with replacing(out) as partial, zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(bundle.files):
            member = zipfile.ZipInfo(name, _EPOCH)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = 0o100644 << 16
            archive.writestr(member, bundle.files[name])
    did += _unfollowed(directory)
    left_out = sorted(
        entry.name
        for entry in directory.iterdir()
        if entry.is_file() and entry.name not in bundle.files and not entry.name.startswith(".")
    )
    if left_out:
        did.append(f"Left out, as no part of a bundle: {', '.join(left_out)}.")
    did.append(
        f"Packed {len(bundle.files)} files into {out} ({out.stat().st_size:,} bytes); "
        f"sources and weights take {bundle.size:,} bytes: {bundle.weight_class}."
    )
    return did
