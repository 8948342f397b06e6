"""Checkpoints of an interrupted training: DIR/.train/checkpoint.pt, which `mbc pack` leaves out."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch

from challenge.bundle.train_config import TrainConfig
from challenge.util.atomic_files import atomic_write
from challenge.util.exit_codes import TrainConfigError

CHECKPOINT_PATH: Final = Path(".train") / "checkpoint.pt"
# A resumed training may be given more time; changing anything else would make it a different training.
CHANGEABLE_FIELDS: Final = ("steps", "seconds")


@dataclass(frozen=True)
class Checkpoint:
    """The state of a training.

    Attributes:
        recipe: its settings.
        model, optimiser: state dicts.
        best_state, best: the best weights so far, as they would be stored, and their octaves.
        step: optimiser steps done.
        seconds: training time, without validation and pictures.
        loss: smoothed loss.
        frames: number of pictures drawn.
    """

    recipe: TrainConfig
    model: dict[str, Any]
    optimiser: dict[str, Any]
    best_state: dict[str, Any]
    best: float
    step: int
    seconds: float
    loss: float
    frames: int


def save(checkpoint: Checkpoint, directory: Path) -> None:
    """Write a checkpoint atomically.

    Raises:
        OSError: it cannot be written.
    """
    path = directory / CHECKPOINT_PATH
    path.parent.mkdir(exist_ok=True)
    values = {field.name: getattr(checkpoint, field.name) for field in dataclasses.fields(checkpoint)}
    values["recipe"] = dataclasses.asdict(checkpoint.recipe)
    with atomic_write(path) as partial:
        torch.save(values, partial)


def load(directory: Path, recipe: TrainConfig) -> Checkpoint:
    """Read the checkpoint of a directory, to be resumed with the settings `recipe`.

    Raises:
        TrainConfigError: it is missing, unreadable, or was made with other settings; the message names them.
    """
    path = directory / CHECKPOINT_PATH
    try:
        values = torch.load(path, map_location="cpu", weights_only=True)
        before = TrainConfig(**values.pop("recipe"))
        checkpoint = Checkpoint(recipe=recipe, **values)
    except FileNotFoundError as error:
        raise TrainConfigError(f"There is no {path} to resume from: train without --resume.") from error
    except Exception as error:
        raise TrainConfigError(f"{path} is not a checkpoint of `mbc train` ({error}): remove it.") from error
    for field in dataclasses.fields(TrainConfig):
        was, now = getattr(before, field.name), getattr(recipe, field.name)
        if was != now and field.name not in CHANGEABLE_FIELDS:
            raise TrainConfigError(
                f"{path} was made with {field.name} = {was!r}, and now it is {now!r}: "
                "use the same value, or train without --resume."
            )
    return checkpoint


def remove(directory: Path) -> None:
    """Remove the checkpoint of a finished training, if there is one."""
    path = directory / CHECKPOINT_PATH
    path.unlink(missing_ok=True)
    if path.parent.is_dir() and not any(path.parent.iterdir()):
        path.parent.rmdir()
