"""State dicts out of the files that people save: weights only, always.

In a training checkpoint the state dict is found and named, prefixes of compiled and parallel models are taken
off. Pickled modules and TorchScript archives hold code and are never loaded.
"""

import argparse
import collections
import datetime as dt
import importlib
import pathlib
import types
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from safetensors.torch import load, save
from torch import Tensor

from challenge.bundle.foreign_files import refuse_file
from challenge.bundle.tensor_file import TORCH_NAMES
from challenge.bundle.tensor_names import SOURCE, SOURCE_DIGEST, clean_names, file_digest
from challenge.bundle.weights import check_weights
from challenge.results.refusals import refuse
from challenge.util.atomic_files import atomic_write

_DEPTH: Final = 6
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
    *(bool, complex, dict, float, frozenset, int, list, set, slice, str, tuple),
)
_NAMED: Final = 6
_DTYPES: Final = frozenset(getattr(torch, name, None) for name in TORCH_NAMES.values())


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
        loaded: Any = load(content)
        found = {"": loaded}
    else:
        loaded = _load(path)
        found = dict(_state_dicts(loaded))
    name = _choose(path, loaded, found, entry)
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
    allowed = _harmless()
    try:
        with torch.serialization.safe_globals(allowed), warnings.catch_warnings():
            # It warns of TorchScript before it refuses it.
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:
        raise refuse_file(path, error, allowed) from error


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


def _state_dicts(value: Any, name: str = "", depth: int = 0) -> Iterator[tuple[str, dict[str, Tensor]]]:
    """Every state dict in nested tables, with its dotted name; '' for the whole."""
    if depth > _DEPTH or not isinstance(value, Mapping | list | tuple):
        return
    items = value.items() if isinstance(value, Mapping) else ((str(i), one) for i, one in enumerate(value))
    named = [(key, item) for key, item in items if isinstance(key, str)]
    tensors = {key: made for key, item in named if (made := _tensor(item)) is not None}
    inner = [
        found
        for key, item in named
        if not any(word in key.lower() for word in _NOT_A_MODEL)
        for found in _state_dicts(item, f"{name}.{key}" if name else key, depth + 1)
    ]
    # Numbers beside the tensors, such as an epoch, are no part of a state dict; those in a list lack names.
    if tensors and not inner and isinstance(value, Mapping):
        yield name, tensors
    yield from inner


def _tensor(value: Any) -> Tensor | None:
    """A tensor, or NumPy's array of numbers as one; None for anything else."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufc":
        return torch.from_numpy(np.ascontiguousarray(value, value.dtype.newbyteorder("=")))
    return value if isinstance(value, Tensor) else None


def _summary(value: Any) -> str:
    """What a loaded value is, in a few words."""
    if isinstance(value, Tensor):
        return f"one tensor of shape {tuple(value.shape)}"
    if isinstance(value, Mapping):
        kinds = sorted({type(key).__name__ for key in value if not isinstance(key, str)})
        keys = ", ".join(ascii(key)[:40] for key in list(value)[:_NAMED])
        return f"a table of {keys or 'nothing'}" + (f" (keys of type {', '.join(kinds)})" if kinds else "")
    if isinstance(value, list | tuple):
        return f"a {type(value).__name__} of {len(value)}"
    return f"a {type(value).__name__}"


def _choose(path: Path, loaded: Any, found: Mapping[str, Mapping[str, Tensor]], entry: str) -> str:
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
            f"{path.name} holds {_summary(loaded)}, and no state dict: save model.state_dict().",
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
    elif tensor.is_meta:
        what, remedy = "without values (device meta)", "Save it from a model that was made on a real device"
    elif tensor.dtype not in _DTYPES:
        plain = "complex64" if tensor.is_complex() else "float32"
        what, remedy = str(tensor.dtype).removeprefix("torch."), f"tensor.to(torch.{plain})"
    else:
        return
    raise refuse(
        "weights.dtype", f"{name} is {what}, which safetensors cannot hold.", where=name, remedy=remedy
    )
