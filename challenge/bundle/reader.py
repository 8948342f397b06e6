"""Read a bundle and refuse, by name, what it may not hold (specification, section 5).

Nothing of somebody else's bundle is executed or unpickled here: the manifest is TOML, only the header of the
weights is parsed, and the sources stay bytes until the sandbox gets them.
"""

import hashlib
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Final

from challenge.bundle.limits import (
    ARCHIVE_LIMIT,
    FRAMES_LIMIT,
    MEMBERS_LIMIT,
    member_limit,
    weight_class,
)
from challenge.bundle.manifest import Manifest, parse_manifest
from challenge.bundle.weights import check_weights
from challenge.results.verdicts import EvaluationError, Reason

REQUIRED: Final = ("submission.toml", "model.py", "weights.safetensors")
# A safetensors file without tensors.
NO_WEIGHTS: Final = (2).to_bytes(8, "little") + b"{}"


@dataclass(frozen=True)
class Bundle:
    """A bundle that has passed every check that can be made without running its code."""

    manifest: Manifest
    files: dict[str, bytes]

    @property
    def sources(self) -> dict[str, bytes]:
        """model.py and the helper modules beside it."""
        return {name: content for name, content in self.files.items() if name.endswith(".py")}

    @property
    def weights(self) -> bytes:
        """The bytes of weights.safetensors."""
        return self.files["weights.safetensors"]

    @property
    def frames(self) -> dict[str, bytes]:
        """Pictures of the training by name, sorted."""
        return {name: self.files[name] for name in sorted(self.files) if name.startswith("frames/")}

    @property
    def readme(self) -> str:
        """Text of README.md; '' without one."""
        return self.files.get("README.md", b"").decode("utf-8", "replace")

    @property
    def train(self) -> str:
        """Text of train.toml; '' without one."""
        return self.files.get("train.toml", b"").decode("utf-8", "replace")

    @cached_property
    def size(self) -> int:
        """Bytes of sources and weights together: decides the weight class."""
        return sum(map(len, self.sources.values())) + len(self.weights)

    @property
    def weight_class(self) -> str:
        """Name of the weight class: feather, light, middle or heavy."""
        return weight_class(self.size)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over names and contents; a directory and its archive have the same."""
        total = hashlib.sha256()
        for name in sorted(self.files):
            total.update(f"{name}\0{hashlib.sha256(self.files[name]).hexdigest()}\n".encode())
        return total.hexdigest()


def read_bundle(path: Path, *, trained: bool = True) -> Bundle:
    """Read and check a zip file, or a directory with the same files.

    In a directory, files that do not belong to a bundle (checkpoints, notes) are ignored.

    Args:
        path: of the archive or the directory.
        trained: whether weights are required; the samples track trains from scratch.

    Raises:
        EvaluationError: the reason, and a sentence that names the member at fault.
    """
    if not path.exists():
        raise EvaluationError(Reason.ARCHIVE_UNREADABLE, f"There is nothing at {path}.")
    files = dict(_directory_files(path) if path.is_dir() else _archive_files(path))
    if not trained:
        files.setdefault("weights.safetensors", NO_WEIGHTS)
    for name in REQUIRED:
        if name not in files:
            raise EvaluationError(Reason.FILE_MISSING, f"There is no {name} at the top of {path.name}.")
    if files["weights.safetensors"] != NO_WEIGHTS or trained:
        check_weights(files["weights.safetensors"])
    bundle = Bundle(parse_manifest(files["submission.toml"]), files)
    weight_class(bundle.size)
    return bundle


def _read_limited(name: str, open_member: Callable[[], IO[bytes]], limit: int) -> bytes:
    """Read a member up to `limit` bytes, whatever size the archive claims for it."""
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
                limit = member_limit(name)
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
                content = _read_limited(name, lambda member=member: archive.open(member), limit)  # type: ignore[misc]
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
        limit = member_limit(name)
        if limit is None or name.startswith("test_"):
            continue
        if file.is_symlink() or (path / "frames").is_symlink() or not file.is_file():
            raise EvaluationError(Reason.ARCHIVE_MEMBER_REFUSED, f"{name!r} is a link or a special file.")
        yield name, _read_limited(name, lambda file=file: file.open("rb"), limit)  # type: ignore[misc]
