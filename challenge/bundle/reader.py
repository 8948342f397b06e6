"""Read a bundle and refuse, by name, what it may not hold (specification, section 5).

Nothing of somebody else's bundle is executed or unpickled here: the manifest is TOML, only the header of the
weights is parsed, and the sources stay bytes until the sandbox gets them.
"""

import hashlib
import shlex
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Final, Self

from challenge.bundle.archive import Contents, hidden_extension, meant_name, read_archive, read_limited
from challenge.bundle.limits import member_limit, weight_class
from challenge.bundle.manifest import Manifest, parse_manifest
from challenge.bundle.tensor_names import clean_names, tensor_names
from challenge.bundle.variants import borrowed_files
from challenge.bundle.weights import check_weights
from challenge.results.refusals import refuse
from challenge.results.verdicts import EvaluationError

REQUIRED: Final = ("submission.toml", "model.py", "weights.safetensors")
# A safetensors file without tensors.
NO_WEIGHTS: Final = (2).to_bytes(8, "little") + b"{}"


@dataclass(frozen=True)
class Bundle:
    """A bundle that has passed every check that can be made without running its code.

    Attributes:
        manifest: submission.toml.
        files: contents by name.
        notes: sentences about what was passed over when it was read.
    """

    manifest: Manifest
    files: dict[str, bytes]
    notes: tuple[str, ...] = field(default=(), compare=False)

    @property
    def sources(self) -> dict[str, bytes]:
        """model.py and the helper modules beside it."""
        return {name: content for name, content in self.files.items() if name.endswith(".py")}

    @property
    def weights(self) -> bytes:
        """The bytes of weights.safetensors."""
        return self.files["weights.safetensors"]

    def without_weights(self) -> Self:
        """The bundle's code alone, beside a weights file that holds nothing."""
        return replace(self, files=self.sources | {"weights.safetensors": NO_WEIGHTS})

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
        raise refuse("archive.nothing-there", f"There is nothing at {path}.", where=str(path))
    contents = _read_directory(path) if path.is_dir() else read_archive(path)
    files = contents.files
    if not trained:
        files.setdefault("weights.safetensors", NO_WEIGHTS)
    for name in REQUIRED:
        if name not in files:
            raise _missing(name, path, files)
    if files["weights.safetensors"] != NO_WEIGHTS or trained:
        check_weights(files["weights.safetensors"])
        _refuse_prefixes(files)
    bundle = Bundle(parse_manifest(files["submission.toml"]), files, contents.notes)
    weight_class(bundle.size)
    return bundle


def _refuse_prefixes(files: dict[str, bytes]) -> None:
    sources = [content for name, content in files.items() if name.endswith(".py")]
    cleaned = clean_names(tensor_names(files["weights.safetensors"]), sources)
    if cleaned.prefixes:
        raise refuse(
            "weights.prefix",
            f"The names of the tensors begin with {cleaned.sentence}, and those of build(2, 1) do not.",
            where="weights.safetensors",
            remedy="mbc pack DIR",
        )


def _missing(name: str, path: Path, packed: Iterable[str]) -> EvaluationError:
    """The refusal of a bundle without a file that it needs, and where it may be instead."""
    found = f"There is no {name} at the top of {path.name}."
    others = sorted(entry.name for entry in path.iterdir() if entry.is_file()) if path.is_dir() else packed
    for other in others:
        rename = f"mv {shlex.quote(other)} {name}" if path.is_dir() else f"Rename it to {name}"
        if hidden_extension(other) == name:
            return refuse(
                "bundle.hidden-extension",
                f"{found} There is {other}: its extension may be hidden where you look.",
                where=name,
                remedy=rename,
            )
        if meant_name(other) == name:
            return refuse("bundle.file-missing", f"{found} There is {other}.", where=name, remedy=rename)
    if path.is_dir():
        folders = [entry for entry in sorted(path.iterdir()) if (entry / "submission.toml").is_file()]
        if name == "submission.toml" and folders:
            found += f" There is one in {folders[0].name}/."
            return refuse("bundle.folder", found, where=name, remedy=f"Name {path / folders[0].name} instead")
        if name == "weights.safetensors" and any(path.glob("*.pt")):
            states = ", ".join(state.name for state in sorted(path.glob("*.pt")))
            return refuse(
                "bundle.file-missing",
                f"{found} There is {states}.",
                where=name,
                remedy=f"mbc pack {path}",
            )
    return refuse("bundle.file-missing", found, where=name)


def _read_directory(path: Path) -> Contents:
    files: dict[str, bytes] = {}
    own = sorted([*path.iterdir(), *(path / "frames").glob("*")])
    found = {file.relative_to(path).as_posix(): file for file in own} | borrowed_files(path)
    for name, file in sorted(found.items()):
        limit = member_limit(name)
        if limit is None or name.startswith("test_"):
            continue
        if file.is_symlink() or (path / "frames").is_symlink() or not file.is_file():
            raise refuse("archive.link", f"{name!r} is a link or a special file.", where=name)
        files[name] = read_limited(name, lambda file=file: file.open("rb"), limit)  # type: ignore[misc]
    return Contents(files)
