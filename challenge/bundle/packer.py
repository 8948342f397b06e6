"""Pack a submission's directory into the zip file that is submitted."""

import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from challenge.bundle.reader import read_bundle
from challenge.bundle.renaming import read_checked, replace_prefix
from challenge.bundle.tensor_names import (
    CHECKPOINT_SUFFIXES,
    SOURCE,
    SOURCE_DIGEST,
    clean_names,
    file_digest,
    metadata,
    rename_tensors,
    tensor_names,
)
from challenge.bundle.train_config import read_train_config
from challenge.bundle.variants import VARIANT
from challenge.results.refusals import refuse
from challenge.util.atomic_files import atomic_write
from challenge.util.exit_codes import TrainConfigError

WEIGHTS: Final = "weights.safetensors"
# A fixed time in every archive, so that the same files make the same bytes.
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


def pack(directory: Path, out: Path, *, trained: bool = True, entry: str = "") -> list[str]:
    """Check a directory and write its archive, after bringing its weights into order, see `update_weights`.

    The archive is written atomically: on failure an older one stays whole.

    Args:
        directory: the submission's.
        out: the zip file.
        trained: whether weights are required, as for `read_bundle`.
        entry: which state dict to take from a checkpoint with several.

    Returns:
        What was done, in sentences.

    Raises:
        EvaluationError: the directory is not a valid bundle.
        OSError: the archive cannot be written.
    """
    messages = update_weights(directory, entry=entry)
    bundle = read_bundle(directory, trained=trained)
    with atomic_write(out) as partial:
        write_archive(bundle.files, partial)
    messages += _train_config_warning(directory)
    left_out = sorted(
        file.name
        for file in directory.iterdir()
        if file.is_file() and file.name not in {*bundle.files, VARIANT} and not file.name.startswith(".")
    )
    if left_out:
        messages.append(f"Left out, not part of a bundle: {', '.join(left_out)}.")
    messages.append(
        f"Packed {len(bundle.files)} files into {out} ({out.stat().st_size:,} bytes); "
        f"sources and weights take {bundle.size:,} bytes: {bundle.weight_class}."
    )
    return messages


def write_archive(files: Mapping[str, bytes], path: Path) -> None:
    """Write the files of a bundle as a zip file that holds nothing else: equal files make equal bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            member = zipfile.ZipInfo(name, _EPOCH)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = 0o100644 << 16
            archive.writestr(member, files[name])


def update_weights(directory: Path, *, entry: str = "", prefix: str = "") -> list[str]:
    """Bring weights.safetensors of a directory into order.

    It is made from the checkpoint beside it if there is none, or if it was made from that checkpoint and the
    checkpoint has changed since. Prefixes of compiled and parallel models are taken off its names.

    Args:
        directory: the submission's.
        entry: which state dict to take from a checkpoint with several.
        prefix: which tensors to take where there are several models, such as "ema."; it is taken off.

    Returns:
        What was done, in sentences.

    Raises:
        EvaluationError: there are several checkpoints, or one without a single state dict, or a newer
            checkpoint than weights.safetensors that has nothing to do with it; or no tensor has the prefix.
    """
    messages = _update(directory, entry, again=bool(entry or prefix))
    return messages + (replace_prefix(directory / WEIGHTS, prefix, "") if prefix else [])


def _update(directory: Path, entry: str, *, again: bool) -> list[str]:
    path = directory / WEIGHTS
    checkpoints = [file for file in sorted(directory.glob("*")) if file.suffix in CHECKPOINT_SUFFIXES]
    if not path.is_file():
        return _convert(directory, checkpoints, entry) if checkpoints else []
    if (changed := _changed_source(path, checkpoints, again=again)) is not None:
        return _convert(directory, [changed], entry)
    content = read_checked(path)
    cleaned = clean_names(tensor_names(content), _sources(directory))
    if not cleaned.prefixes:
        return []
    if cleaned.dropped:
        return _convert(directory, [path], entry)
    with atomic_write(path) as partial:
        partial.write_bytes(rename_tensors(content, cleaned.names))
    return [f"Took off {cleaned.sentence}, in the names of {WEIGHTS}."]


def _convert(directory: Path, checkpoints: list[Path], entry: str) -> list[str]:
    from challenge.bundle.state_dict import convert_state_dict  # noqa: PLC0415 - torch takes seconds

    if len(checkpoints) > 1:
        names = ", ".join(path.name for path in checkpoints)
        raise refuse(
            "weights.several",
            f"There are several checkpoints ({names}): leave the one that is meant.",
            where=str(directory),
            remedy=f"mbc adopt {checkpoints[0].name} --as {directory}",
        )
    return convert_state_dict(checkpoints[0], directory / WEIGHTS, entry=entry, sources=_sources(directory))


def _changed_source(path: Path, checkpoints: list[Path], *, again: bool) -> Path | None:
    """The checkpoint that weights were made from, if that has changed or another part of it is wanted.

    Raises:
        EvaluationError: the checkpoint is newer, and the weights do not say that they were made from it.
    """
    made_from = metadata(read_checked(path))
    for checkpoint in checkpoints:
        if made_from.get(SOURCE) == checkpoint.name:
            changed = again or made_from.get(SOURCE_DIGEST) != file_digest(checkpoint)
            return checkpoint if changed else None
    # A second, because copies and clones write files in any order.
    newer = [file for file in checkpoints if file.stat().st_mtime > path.stat().st_mtime + 1]
    if newer:
        raise refuse(
            "weights.stale",
            f"{newer[0].name} ({_time(newer[0])}) is newer than {path.name} ({_time(path)}), "
            "which was not made from it.",
            where=path.name,
            remedy=f"Remove {path.name} to convert {newer[0].name}, or move {newer[0].name} away",
        )
    return None


def _time(path: Path) -> str:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _sources(directory: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(directory.glob("*.py")) if path.is_file()]


def _train_config_warning(directory: Path) -> list[str]:
    """A warning if `mbc train` cannot use train.toml: it may have been written for another trainer."""
    try:
        read_train_config(directory)
    except TrainConfigError as error:
        return [f"train.toml is packed as it is, but `mbc train` cannot use it: {error}"]
    return []
