"""Load a model into this process, without a sandbox: for your own code only, in training and pictures."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import nn

from challenge.bundle.state_loading import load_state
from challenge.bundle.variants import source_file
from challenge.results.verdicts import EvaluationError, Reason
from challenge.training.refit import cast, eager_mode, initialize_lazy
from challenge.util.atomic_files import atomic_write
from challenge.util.own_traceback import own_traceback

Array = NDArray[np.float64]
Build = Callable[[int, int], nn.Module]

# Activations of a thousand features per point still fit into the CPU's cache.
CHUNK = 1 << 12


def load_build(directory: Path) -> Build:
    """Import a directory's model.py into this process and return its function `build`.

    Raises:
        EvaluationError: model.py is missing, cannot be imported, or has no `build`.
    """
    build = getattr(load_module(directory, "model"), "build", None)
    if not callable(build):
        raise EvaluationError(Reason.BUILD_MISSING)
    return build  # type: ignore[no-any-return]  # its result is checked by the caller


def load_module(directory: Path, name: str) -> ModuleType:
    """Import a module of a directory, `model` or one beside it, into this process.

    Raises:
        EvaluationError: it is missing or cannot be imported.
    """
    path = source_file(directory, f"{name}.py")
    if not path.is_file():
        raise EvaluationError(Reason.FILE_MISSING, f"There is no {name}.py in {directory}.")
    specification = importlib.util.spec_from_file_location(name, path.resolve())
    if specification is None or specification.loader is None:
        raise EvaluationError(Reason.MODEL_CODE_FAILED, f"{path} is not a Python file.")
    module = importlib.util.module_from_spec(specification)
    folders = code_folders(directory)
    sys.path[:0] = folders
    known = set(sys.modules)
    try:
        with eager_mode():
            specification.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        detail = f"({type(error).__name__}: {error})"
        private = own_traceback(error, folders)
        raise EvaluationError(Reason.MODEL_CODE_FAILED, detail, private) from error
    finally:
        del sys.path[: len(folders)]
        # Another directory may have a helper module of the same name.
        for other in set(sys.modules) - known:
            place = getattr(sys.modules[other], "__file__", None) or ""
            if place.startswith(tuple(f"{folder}/" for folder in folders)):
                del sys.modules[other]
    return module


def code_folders(directory: Path) -> list[str]:
    """Where the modules of a submission lie: beside its model.py, or beside what it is a variant of."""
    parent = source_file(directory, "model.py").parent
    return list(dict.fromkeys(str(folder.resolve()) for folder in (directory, parent)))


def build_model(directory: Path, *, seed: int = 0) -> nn.Module:
    """A fresh build(2, 1) of a directory, with `seed` for its initial weights.

    Raises:
        EvaluationError: model.py or `build` failed, or returned no torch.nn.Module.
    """
    build = load_build(directory)
    torch.manual_seed(seed)
    try:
        with eager_mode():
            model = build(2, 1)
    except (Exception, SystemExit) as error:
        detail = f"({type(error).__name__}: {error})"
        private = own_traceback(error, code_folders(directory))
        raise EvaluationError(Reason.BUILD_INVALID, detail, private) from error
    if not isinstance(model, nn.Module):
        raise EvaluationError(Reason.BUILD_INVALID, f"It returned {type(model).__name__}.")
    try:
        initialize_lazy(model, 2)
    except Exception as error:
        raise EvaluationError(Reason.BUILD_INVALID, f"({type(error).__name__}: {error})") from error
    return model


def load_model(directory: Path) -> nn.Module:
    """build(2, 1) with the directory's weights, in eval mode.

    Raises:
        EvaluationError: the weights are missing, unreadable or do not fit.
    """
    model = build_model(directory)
    weights = directory / "weights.safetensors"
    if not weights.is_file():
        raise EvaluationError(
            Reason.FILE_MISSING, f"There is no weights.safetensors in {directory}: train it first."
        )
    try:
        load_state(model, load_file(weights))
    except SafetensorError as error:
        raise EvaluationError(Reason.WEIGHTS_INVALID, f"({error})") from error
    except RuntimeError as error:
        raise EvaluationError(Reason.WEIGHTS_DO_NOT_FIT, str(error)) from error
    return model.eval()


def save_weights(state: dict[str, torch.Tensor], path: Path, metadata: dict[str, str] | None = None) -> None:
    """Write a state dict as safetensors, atomically.

    Args:
        state: tensors by name.
        path: the file.
        metadata: texts for the file's header; for people only.

    Raises:
        OSError: it cannot be written.
    """
    with atomic_write(path) as partial:
        # Not with save_file, which makes the file readable by its owner only.
        partial.write_bytes(
            save({name: tensor.contiguous() for name, tensor in state.items()}, metadata=metadata)
        )


def require_output_shape(answer: Any, points: int) -> torch.Tensor:
    """Return the output of forward for (points, 2) inputs if it is a (points, 1) tensor.

    Raises:
        EvaluationError: OUTPUT_SHAPE, if it is not.
    """
    if not isinstance(answer, torch.Tensor) or tuple(answer.shape) != (points, 1):
        shape = tuple(answer.shape) if isinstance(answer, torch.Tensor) else type(answer).__name__
        raise EvaluationError(
            Reason.OUTPUT_SHAPE, f"({points}, 1) is expected, and forward returned {shape}."
        )
    return answer


def predict(model: nn.Module, x: Array) -> Array:
    """Predictions at unit points (n, 2): (n,) float64, not clipped to [0, 1]."""
    answers = []
    with torch.no_grad():
        for first in range(0, len(x), CHUNK):
            points = cast(model, torch.from_numpy(np.ascontiguousarray(x[first : first + CHUNK])))
            answers.append(require_output_shape(model(points), len(points)).double().cpu().numpy()[:, 0])
    answer: Array = np.concatenate(answers)
    return answer
