"""What a sandboxed session does, in this process: for models of our own, asked hundreds of times."""

import hashlib
import importlib.util
import sys
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load

from challenge.bundle.reader import Bundle
from challenge.results.verdicts import EvaluationError, Reason
from challenge.scoring.season import PRACTICE, Season
from challenge.training.refit import Budget, cast, train


class InProcess(AbstractContextManager):
    """A session without a sandbox: it loads, builds, fits and predicts as `evaluator.sandbox.runner` does.

    A fit of the model's own gets `patience` times its seconds, for where the machine has much else to do.
    """

    def __init__(self, bundle: Bundle, folder: Path, patience: float = 1.0) -> None:
        self._bundle = bundle
        self._patience = patience
        sys.path.insert(0, str(folder))
        spec = importlib.util.spec_from_file_location(f"zoo_{folder.name}", folder / "model.py")
        self._module = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(self._module)
        finally:
            sys.path.remove(str(folder))

    def __exit__(self, *_: object) -> None:
        pass

    def load(self) -> int:
        self._out_features = 1
        self._model = self._module.build(2, 1)
        try:
            self._model.load_state_dict(load(self._bundle.weights))
        except RuntimeError as error:
            raise EvaluationError(Reason.WEIGHTS_DO_NOT_FIT) from error
        self._model.eval()
        return sum(tensor.numel() for tensor in self._model.state_dict().values())

    def build(self, in_features: int, out_features: int, seed: int) -> None:
        torch.manual_seed(seed)
        self._out_features = out_features
        self._model = self._module.build(in_features, out_features)
        self._model.eval()

    def fit(self, x: np.ndarray, y: np.ndarray, budget: Budget, seed: int) -> None:
        x, y = torch.from_numpy(x), torch.from_numpy(y)
        own = getattr(self._module, "fit", None)
        if own is None:
            train(self._model, x, y, replace(budget, seconds=None), seed=seed)
        else:
            torch.manual_seed(seed)
            x = cast(self._model, x)
            seconds = budget.seconds and self._patience * budget.seconds
            own(self._model, x, y.to(x), replace(budget, seconds=seconds))
        self._model.eval()

    def predict(self, x: np.ndarray) -> np.ndarray:
        if not len(x):
            return np.empty((0, self._out_features))
        parts = torch.split(cast(self._model, torch.from_numpy(np.ascontiguousarray(x))), 8192)
        try:
            with torch.inference_mode():
                return torch.cat([self._model(part).double() for part in parts]).numpy()
        except Exception as error:
            raise EvaluationError(Reason.FORWARD_FAILED) from error


def season(seed: int) -> Season:
    return Season(f"seed {seed}", hashlib.sha256(f"seed {seed}".encode()).digest()) if seed else PRACTICE
