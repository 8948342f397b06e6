"""State dicts out of the files that people save: weights only, always.

In a training checkpoint the state dict is found and named, prefixes of compiled and parallel models are taken
off. Pickled modules and TorchScript archives hold code and are never loaded.
"""

import argparse
import collections
import datetime as dt
import importlib
import pathlib
import pickletools
import types
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from safetensors.torch import load, save
from torch import Tensor

from challenge.bundle.tensor_names import SOURCE, SOURCE_DIGEST, clean_names, file_digest
from challenge.bundle.weights import check_weights
from challenge.results.refusals import refuse
from challenge.results.verdicts import EvaluationError
from challenge.util.atomic_files import atomic_write

_DEPTH: Final = 3
# State of the training, not of the model.
_NOT_A_MODEL: Final = ("optim", "sched", "scaler", "rng", "callback", "loop")
# Classes without behaviour of their own, in which people keep settings.
_PLAIN_CLASSES: Final = (
    argparse.Namespace,
    types.SimpleNamespace,
    collections.Counter,
    collections.deque,
    dt.date,
    dt.datetime,
    dt.timedelta,
    pathlib.PosixPath,
    pathlib.PurePosixPath,
    set,
)
_PICKLE_START: Final = frozenset({"PROTO", "FRAME", "MARK"})
_GLOBALS: Final = frozenset({"GLOBAL", "STACK_GLOBAL"})


@dataclass(frozen=True)
class FoundState:
    """A state dict and how it was found.

    Attributes:
        state: tensors by name: plain, contiguous, and none stored twice.
        notes: sentences about what was done to get it.
    """

    state: dict[str, Tensor]
    notes: tuple[str, ...]


def read_state_dict(path: Path, *, entry: str = "", sources: Iterable[bytes] = ()) -> FoundState:
    """Find the state dict in a file, loading weights only.

    Args:
        path: a file of torch.save, or safetensors.
        entry: which state dict to take where there are several, like "ema" or "callbacks.ema".
        sources: the submission's code, see `clean_names`.

    Raises:
        EvaluationError: WEIGHTS_INVALID: it holds code, no state dict, or several.
    """
    if path.suffix == ".safetensors":
        content = path.read_bytes()
        check_weights(content)
        found = {"": load(content)}
    else:
        found = dict(_state_dicts(_load(path)))
    name = _choose(path, found, entry)
    state = found[name]
    notes = []
    if name:
        notes.append(f"Took the entry {name!r} of {path.name}.")
    cleaned = clean_names(state, sources)
    if cleaned.prefixes:
        notes.append(f"Took off {cleaned.sentence}.")
    if cleaned.dropped:
        notes.append(f"Left out {', '.join(cleaned.dropped)}.")
    plain, shared = _plain({new: state[old] for old, new in cleaned.names.items()})
    notes += [f"{other} shares its memory with {first}: stored once." for other, first in shared.items()]
    return FoundState(plain, tuple(notes))


def convert_state_dict(
    source: Path, out: Path, *, entry: str = "", sources: Iterable[bytes] = ()
) -> list[str]:
    """Write the state dict of a file as safetensors, see `read_state_dict`.

    Returns:
        What was done, in sentences.

    Raises:
        EvaluationError: as `read_state_dict`.
        OSError: `out` cannot be written.
    """
    found = read_state_dict(source, entry=entry, sources=sources)
    marks = {SOURCE: source.name, SOURCE_DIGEST: file_digest(source)}
    with atomic_write(out) as partial:
        # Not with save_file, which makes the file readable by its owner only.
        partial.write_bytes(save(found.state, metadata=marks))
    done = f"Converted {source.name} ({len(found.state)} tensors, weights only) to {out.name}."
    return [done, *found.notes]


def _load(path: Path) -> Any:
    """What torch.save wrote, weights only: tensors, plain values, and NumPy's numbers."""
    try:
        with torch.serialization.safe_globals(_harmless()), warnings.catch_warnings():
            # It warns of TorchScript before it refuses it.
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:
        raise _refuse_pickle(path, error) from error


def _harmless() -> list[Any]:
    """What may stand beside tensors: plain values, and NumPy's numbers under today's and older names."""
    # NumPy 2 has moved it; the names in pickles are of either.
    core = importlib.import_module("numpy._core" if hasattr(np, "_core") else "numpy.core")
    multiarray = core.multiarray
    made: list[Any] = [np.dtype, np.ndarray]
    made += [
        (function, f"numpy.{package}.multiarray.{function.__name__}")
        for function in (multiarray.scalar, multiarray._reconstruct)  # noqa: SLF001 - named so in pickles
        for package in ("_core", "core")
    ]
    made += [value for value in vars(np.dtypes).values() if isinstance(value, type)]
    return [*made, *_PLAIN_CLASSES]


def _refuse_pickle(path: Path, error: Exception) -> EvaluationError:
    cannot = f"{path.name} cannot be loaded as weights only"
    if _is_torchscript(path):
        return refuse(
            "weights.pickle",
            f"{cannot}: it is a TorchScript archive, which is code.",
            where=path.name,
            remedy=f'model = torch.jit.load("{path.name}"); torch.save(model.state_dict(), "weights.pt")',
        )
    whole, others = _pickled_classes(path)
    if whole:
        return refuse(
            "weights.pickle",
            f"{cannot}: it is a whole pickled {whole}, which is code and not a state dict.",
            where=path.name,
            remedy=f'model = torch.load("{path.name}", weights_only=False); '
            'torch.save(model.state_dict(), "weights.pt")',
        )
    if others:
        return refuse(
            "weights.pickle",
            f"{cannot}: beside the tensors it holds {', '.join(others[:4])}, which is code.",
            where=path.name,
            remedy=f'saved = torch.load("{path.name}", weights_only=False); '
            'torch.save(saved["model_state_dict"], "weights.pt")',
        )
    return refuse("weights.none", f"{cannot}: {type(error).__name__}.", where=path.name)


def _is_torchscript(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any("/code/" in name or name.endswith("/constants.pkl") for name in archive.namelist())


def _pickled_classes(path: Path) -> tuple[str, list[str]]:
    """Class of a wholly pickled object ('' for a container), and other classes that are not loaded."""
    try:
        others = sorted(torch.serialization.get_unsafe_globals_in_checkpoint(path))
        with zipfile.ZipFile(path) as archive:
            (pickled,) = [name for name in archive.namelist() if name.endswith("/data.pkl")]
            operations = [op.name for op, _, _ in _first_operations(archive.read(pickled))]
    except Exception:  # noqa: BLE001 - hostile bytes; whatever goes wrong, nothing is known of them
        return "", []
    first = next((name for name in operations if name not in _PICKLE_START), "")
    whole = others[0] if first in _GLOBALS and others else ""
    return whole, [name for name in others if not name.startswith("numpy.")]


def _first_operations(content: bytes) -> Iterator[tuple[Any, Any, Any]]:
    """The first operations of a pickle; nothing is executed."""
    for index, operation in enumerate(pickletools.genops(content)):
        if index > 16:
            return
        yield operation


def _state_dicts(value: Any, name: str = "", depth: int = 0) -> Iterator[tuple[str, dict[str, Tensor]]]:
    """Every state dict in nested tables, with its dotted name; '' for the whole."""
    if not isinstance(value, Mapping) or depth > _DEPTH:
        return
    tensors = {key: item for key, item in value.items() if isinstance(key, str) and isinstance(item, Tensor)}
    inner = [
        found
        for key, item in value.items()
        if isinstance(key, str) and not any(word in key.lower() for word in _NOT_A_MODEL)
        for found in _state_dicts(item, f"{name}.{key}" if name else key, depth + 1)
    ]
    # Numbers beside the tensors, such as an epoch, are no part of a state dict.
    if tensors and not inner:
        yield name, tensors
    yield from inner


def _choose(path: Path, found: Mapping[str, Mapping[str, Tensor]], entry: str) -> str:
    if entry in found:
        return entry
    listed = ", ".join(
        f"{name!r} ({len(state)} tensors, {sum(t.numel() for t in state.values()):,} numbers)"
        for name, state in found.items()
    )
    if entry:
        raise refuse(
            "weights.several",
            f"{path.name} has no entry {entry!r}; there are {listed or 'none'}.",
            where=path.name,
        )
    if not found:
        raise refuse(
            "weights.none",
            f"{path.name} is not a state dict, and none of its entries is one: save model.state_dict().",
            where=path.name,
        )
    if len(found) > 1:
        raise refuse("weights.several", f"{path.name} holds several state dicts: {listed}.", where=path.name)
    return next(iter(found))


def _plain(state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors as safetensors can hold them, and those left out because another one has the same memory."""
    plain: dict[str, Tensor] = {}
    shared: dict[str, str] = {}
    seen: dict[object, str] = {}
    for name, tensor in state.items():
        _require_storable(name, tensor)
        own = tensor.detach()
        key = (own.data_ptr(), own.dtype, tuple(own.shape), own.stride())
        if own.numel() and key in seen:
            shared[name] = seen[key]
            continue
        seen[key] = name
        plain[name] = own.clone().contiguous()
    return plain, shared


def _require_storable(name: str, tensor: Tensor) -> None:
    if tensor.is_quantized:
        what, remedy = "quantised", "tensor.dequantize()"
    elif tensor.layout != torch.strided:
        what, remedy = str(tensor.layout), "tensor.to_dense()"
    elif tensor.dtype == torch.complex128:
        what, remedy = "complex128", "tensor.to(torch.complex64)"
    else:
        return
    raise refuse(
        "weights.dtype", f"{name} is {what}, which safetensors cannot hold.", where=name, remedy=remedy
    )
