"""Your own model in your own process: for training and pictures, never for judging anybody else's."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import nn

from challenge.results.verdicts import EvaluationError, Reason
from challenge.training.refit import cast
from challenge.util.atomic_files import replacing

Array = NDArray[np.float64]
Build = Callable[[int, int], nn.Module]

# What a thousand features a point take at a time still lies in the cache.
CHUNK = 1 << 12


def load_build(directory: Path) -> Build:
    """The function `build` of a directory's model.py, which is imported into this process.

    Raises:
        EvaluationError: there is no model.py, it cannot be imported, or it has no `build`.
    """
    path = directory / "model.py"
    if not path.is_file():
        raise EvaluationError(Reason.FILE_MISSING, f"There is no model.py in {directory}.")
    specification = importlib.util.spec_from_file_location("model", path)
    if specification is None or specification.loader is None:
        raise EvaluationError(Reason.MODEL_CODE_FAILED, f"{path} is not a Python file.")
    module = importlib.util.module_from_spec(specification)
    sys.path.insert(0, str(directory.resolve()))  # helper modules lie beside it
    known = set(sys.modules)
    try:
        specification.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        detail = f"({type(error).__name__}: {error})"
        raise EvaluationError(Reason.MODEL_CODE_FAILED, detail) from error
    finally:
        sys.path.pop(0)
        # The next directory may have another helper of the same name.
        for name in set(sys.modules) - known:
            if (getattr(sys.modules[name], "__file__", None) or "").startswith(f"{directory.resolve()}/"):
                del sys.modules[name]
    build = getattr(module, "build", None)
    if not callable(build):
        raise EvaluationError(Reason.BUILD_MISSING)
    return build  # type: ignore[no-any-return]  # what it returns is checked where it is called


def build_model(directory: Path, *, seed: int = 0) -> nn.Module:
    """A fresh build(2, 1) of a directory; EvaluationError where that fails."""
    build = load_build(directory)
    torch.manual_seed(seed)
    try:
        model = build(2, 1)
    except (Exception, SystemExit) as error:
        detail = f"({type(error).__name__}: {error})"
        raise EvaluationError(Reason.BUILD_INVALID, detail) from error
    if not isinstance(model, nn.Module):
        raise EvaluationError(Reason.BUILD_INVALID, f"It returned {type(model).__name__}.")
    return model


def load_model(directory: Path) -> nn.Module:
    """build(2, 1) with the directory's weights, in eval mode; EvaluationError where they do not fit."""
    model = build_model(directory)
    weights = directory / "weights.safetensors"
    if not weights.is_file():
        raise EvaluationError(
            Reason.FILE_MISSING, f"There is no weights.safetensors in {directory}: train it first."
        )
    try:
        model.load_state_dict(load_file(weights))
    except SafetensorError as error:
        raise EvaluationError(Reason.WEIGHTS_INVALID, f"({error})") from error
    except RuntimeError as error:
        raise EvaluationError(Reason.WEIGHTS_DO_NOT_FIT, str(error)) from error
    return model.eval()


def save_weights(state: dict[str, torch.Tensor], path: Path, metadata: dict[str, str] | None = None) -> None:
    """Write a state dict beside `path` and rename it, so that a failure leaves an old file whole.

    Args:
        state: tensors by name.
        path: the safetensors file.
        metadata: texts for its header; nobody is judged by them.
    """
    with replacing(path) as partial:
        # Not by save_file: its file is for its owner's eyes only.
        partial.write_bytes(
            save({name: tensor.contiguous() for name, tensor in state.items()}, metadata=metadata)
        )


def one_answer_each(answer: Any, points: int) -> torch.Tensor:
    """What forward returned for (points, 2) inputs; EvaluationError where it is no (points, 1) tensor."""
    if not isinstance(answer, torch.Tensor) or tuple(answer.shape) != (points, 1):
        shape = tuple(answer.shape) if isinstance(answer, torch.Tensor) else type(answer).__name__
        raise EvaluationError(
            Reason.OUTPUT_SHAPE, f"({points}, 1) is expected, and forward returned {shape}."
        )
    return answer


def predict(model: nn.Module, x: Array) -> Array:
    """The model's answer at unit points (n, 2): (n,) float64, not clipped."""
    answers = []
    with torch.inference_mode():
        for first in range(0, len(x), CHUNK):
            points = cast(model, torch.from_numpy(np.ascontiguousarray(x[first : first + CHUNK])))
            answers.append(one_answer_each(model(points), len(points)).double().cpu().numpy()[:, 0])
    answer: Array = np.concatenate(answers)
    return answer
