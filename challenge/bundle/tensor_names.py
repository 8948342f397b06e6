"""Names of tensors in a state dict, and the prefixes that wrappers of a model put in front of them."""

import hashlib
import json
import re
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

CHECKPOINT_SUFFIXES: Final = (".pt", ".pth", ".ckpt", ".bin", ".pkl")
# Header texts of a converted file: from which one, and its SHA-256.
SOURCE: Final = "converted_from"
SOURCE_DIGEST: Final = "converted_from_sha256"
# Wrappers whose only child is called so; such a part may stand anywhere in a name.
WRAPPERS: Final = {
    "_orig_mod": "torch.compile",
    "_fsdp_wrapped_module": "FullyShardedDataParallel",
    "_checkpoint_wrapped_module": "activation checkpointing",
    "_forward_module": "Lightning's Fabric",
}
# So do DataParallel, DistributedDataParallel and AveragedModel, around the whole model.
PARALLEL: Final = "module."
# A count that torch.optim.swa_utils.AveragedModel keeps beside the model.
_AVERAGED: Final = "n_averaged"
# Code that makes such a name itself: then it belongs to the model.
_OWN_MODULE: Final = re.compile(
    rb"self\.module\b|[\"']module[\"']|\bmodule\s*=|DataParallel|DistributedDataParallel|AveragedModel|swa_utils"
)


@dataclass(frozen=True)
class CleanNames:
    """New names by the old ones, and which prefixes that takes off.

    Attributes:
        names: a new name for every tensor that stays.
        prefixes: what was taken off, as it stands in the file.
        dropped: tensors that are no part of the model.
    """

    names: dict[str, str]
    prefixes: tuple[str, ...]
    dropped: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """What was taken off and where it comes from; '' if nothing was."""
        makers = {f"{part}.": maker for part, maker in WRAPPERS.items()}
        makers[PARALLEL] = "DataParallel, DistributedDataParallel or AveragedModel"
        return ", and ".join(f"`{prefix}`, which {makers[prefix]} adds" for prefix in self.prefixes)


def clean_names(names: Iterable[str], sources: Iterable[bytes] = ()) -> CleanNames:
    """Take the prefixes of compiled, wrapped and parallel models off.

    Args:
        names: of all tensors of the file.
        sources: the submission's code; where that has a child called `module` itself, the name stays.
    """
    old = list(names)
    new = {name: ".".join(part for part in name.split(".") if part not in WRAPPERS) for name in old}
    found = {part for name in old for part in name.split(".")}
    prefixes = [f"{part}." for part in WRAPPERS if part in found]
    dropped: tuple[str, ...] = ()
    if not any(_OWN_MODULE.search(source) for source in sources):
        wrapped = [name for name in new.values() if name.startswith(PARALLEL)]
        if wrapped and all(name.startswith(PARALLEL) or name == _AVERAGED for name in new.values()):
            dropped = tuple(name for name in old if new[name] == _AVERAGED)
            new = {name: _without_prefix(text) for name, text in new.items() if name not in dropped}
            prefixes.append(PARALLEL)
    if len(set(new.values())) != len(new) or "" in new.values():
        return CleanNames({name: name for name in old}, ())
    return CleanNames(new, tuple(prefixes), dropped)


def tensor_names(content: bytes) -> list[str]:
    """Names of the tensors in a safetensors file whose header was checked."""
    return [name for name in _header(content)[0] if name != "__metadata__"]


def tensor_dtypes(content: bytes) -> set[str]:
    """The dtypes of a safetensors file whose header was checked, such as "BF16"."""
    entries = [entry for name, entry in _header(content)[0].items() if name != "__metadata__"]
    return {str(entry["dtype"]) for entry in entries if isinstance(entry, dict)}


def metadata(content: bytes) -> dict[str, str]:
    """The texts in the header of a safetensors file whose header was checked."""
    found = _header(content)[0].get("__metadata__")
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}


def rename_tensors(content: bytes, names: Mapping[str, str]) -> bytes:
    """A safetensors file with the tensors that have a new name, under that, and the same texts."""
    header, data = _header(content)
    renamed: dict[str, object] = {"__metadata__": texts} if (texts := header.get("__metadata__")) else {}
    parts, offset = list[bytes](), 0
    for old, new in names.items():
        entry = header[old]
        assert isinstance(entry, dict)
        start, end = entry["data_offsets"]
        parts.append(data[start:end])
        renamed[new] = entry | {"data_offsets": [offset, offset + end - start]}
        offset += end - start
    text = json.dumps(renamed, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([struct.pack("<Q", len(text)), text, *parts])


def file_digest(path: Path) -> str:
    """SHA-256 of a file's content."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _header(content: bytes) -> tuple[dict[str, object], bytes]:
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def _without_prefix(name: str) -> str:
    while name.startswith(PARALLEL):
        name = name.removeprefix(PARALLEL)
    return name
