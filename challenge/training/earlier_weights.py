"""Weights that a directory already has when it is trained again: they are kept, and the better ones stay."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from challenge.bundle.state_loading import load_state
from challenge.training.local_model import save_weights
from challenge.training.trainer import TrainingResult, ValidationSet

WEIGHTS: Final = "weights.safetensors"
# New weights that turned out worse than those that were there.
LATEST: Final = "weights.latest.safetensors"
# A difference that the small validation set can tell from an untrained model.
WORTH_KEEPING: Final = 0.25


@dataclass(frozen=True)
class Earlier:
    """What lies in weights.safetensors before a training.

    Attributes:
        octaves: of those weights on the trainer's validation set; None if they do not fit model.py.
        fresh: octaves of the untrained model.
    """

    octaves: float | None
    fresh: float

    @property
    def is_trained(self) -> bool:
        """Whether starting over would throw a better model away."""
        return self.octaves is not None and self.octaves > self.fresh + WORTH_KEEPING


def measure_earlier(directory: Path, model: nn.Module) -> Earlier | None:
    """Measure the weights in a directory; None if there are none.

    Args:
        directory: the submission's.
        model: build(2, 1); it is left with the state it came with.
    """
    path = directory / WEIGHTS
    if not path.is_file():
        return None
    validation = ValidationSet()
    present = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
    was_training = model.training
    fresh = float(validation.skill(model.eval()).sum())
    octaves = None
    try:
        load_state(model, load_file(path))
        octaves = float(validation.skill(model).sum())
    except (SafetensorError, RuntimeError, OSError):
        pass
    finally:
        model.load_state_dict(present)
        model.train(was_training)
    return Earlier(octaves, fresh)


def store_better(
    directory: Path, result: TrainingResult, earlier: Earlier | None, metadata: dict[str, str]
) -> Path:
    """Write the trained weights; returns where.

    That is weights.safetensors, unless the weights that are there resolve more octaves: these then stay, and
    the new ones are written beside them.

    Raises:
        OSError: they cannot be written.
    """
    is_better = earlier is None or earlier.octaves is None or result.octaves >= earlier.octaves
    path = directory / (WEIGHTS if is_better else LATEST)
    save_weights(result.state, path, metadata)
    return path
