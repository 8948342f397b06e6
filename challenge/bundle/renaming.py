"""Rename the tensors of a weights file in place; what would be lost is kept beside it."""

import shutil
from pathlib import Path
from typing import Final

from challenge.bundle.tensor_names import SOURCE, file_digest, metadata, rename_tensors, tensor_names
from challenge.bundle.weights import check_weights
from challenge.results.refusals import refuse
from challenge.util.atomic_files import atomic_write

_LISTED: Final = 8


def replace_prefix(path: Path, old: str, new: str) -> list[str]:
    """Replace the prefix of the names in a safetensors file; tensors without it are left out.

    A file that loses tensors is kept as weights.earlier.safetensors, unless it was made from a checkpoint.

    Args:
        path: the file.
        old: what is taken off; '' for nothing.
        new: what is put in its place; '' for nothing.

    Returns:
        What was done, in sentences.

    Raises:
        EvaluationError: no tensor has the prefix.
        OSError: the file cannot be written.
    """
    content = read_checked(path)
    stored = tensor_names(content)
    names = {name: new + name.removeprefix(old) for name in stored if name.startswith(old) and name != old}
    if not names:
        listed = ", ".join(stored[:_LISTED])
        found = f"No tensor's name begins with {old!r}; there are {listed}."
        raise refuse("weights.names", found, where=path.name)
    left_out = [name for name in stored if name not in names]
    messages = [f"Took off `{old}`, in the names of {path.name}."] if old else []
    messages += [f"Put `{new}` in front of them."] if new else []
    if left_out:
        more = f" and {len(left_out) - _LISTED} more" if len(left_out) > _LISTED else ""
        messages.append(f"Left out {', '.join(left_out[:_LISTED])}{more}.")
        if SOURCE not in metadata(content):
            messages.append(f"The file as it was is {keep_earlier(path).name}.")
    with atomic_write(path) as partial:
        partial.write_bytes(rename_tensors(content, names))
    return messages


def keep_earlier(path: Path) -> Path:
    """Copy weights.safetensors to the first free weights.earlier.safetensors beside it; returns that path.

    Raises:
        OSError: it cannot be written.
    """
    number, digest = 1, file_digest(path)
    while True:
        suffix = "" if number == 1 else f"-{number}"
        kept = path.with_name(f"weights.earlier{suffix}.safetensors")
        if not kept.exists():
            shutil.copyfile(path, kept)
        if file_digest(kept) == digest:
            return kept
        number += 1


def read_checked(path: Path) -> bytes:
    """The bytes of a safetensors file.

    Raises:
        EvaluationError: it is none within the limits.
        OSError: it cannot be read.
    """
    content = path.read_bytes()
    check_weights(content)
    return content
