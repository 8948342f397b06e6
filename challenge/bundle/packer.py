"""Pack a submission's directory into the zip file that is handed in."""

import zipfile
from pathlib import Path
from typing import Final

from challenge.bundle.reader import read_bundle
from challenge.bundle.train_config import read_train_config
from challenge.util.atomic_files import atomic_write
from challenge.util.exit_codes import TrainConfigError

# A fixed time in every archive, so that the same files make the same bytes.
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


def pack(directory: Path, out: Path, *, trained: bool = True) -> list[str]:
    """Check a directory and write its archive; a .pt state dict is converted if there are no safetensors.

    The archive is written atomically: on failure an older one stays whole.

    Args:
        directory: the submission's.
        out: the zip file.
        trained: whether weights are required, as for `read_bundle`.

    Returns:
        What was done, in sentences.

    Raises:
        EvaluationError: the directory is not a valid bundle.
        OSError: the archive cannot be written.
    """
    from challenge.bundle.weights import convert_state_dict  # noqa: PLC0415 - only a .pt file needs torch

    messages: list[str] = []
    states = sorted(directory.glob("*.pt")) if directory.is_dir() else []
    if states and not (directory / "weights.safetensors").exists():
        messages += convert_state_dict(states, directory / "weights.safetensors")
    bundle = read_bundle(directory, trained=trained)
    with atomic_write(out) as partial, zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(bundle.files):
            member = zipfile.ZipInfo(name, _EPOCH)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = 0o100644 << 16
            archive.writestr(member, bundle.files[name])
    messages += _train_config_warning(directory)
    left_out = sorted(
        entry.name
        for entry in directory.iterdir()
        if entry.is_file() and entry.name not in bundle.files and not entry.name.startswith(".")
    )
    if left_out:
        messages.append(f"Left out, not part of a bundle: {', '.join(left_out)}.")
    messages.append(
        f"Packed {len(bundle.files)} files into {out} ({out.stat().st_size:,} bytes); "
        f"sources and weights take {bundle.size:,} bytes: {bundle.weight_class}."
    )
    return messages


def _train_config_warning(directory: Path) -> list[str]:
    """A warning if `mbc train` cannot use train.toml: it may have been written for another trainer."""
    try:
        read_train_config(directory)
    except TrainConfigError as error:
        return [f"train.toml is packed as it is, but `mbc train` cannot use it: {error}"]
    return []
