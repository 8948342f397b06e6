"""A training that can be gone on with: DIR/.train/checkpoint.pt, which `mbc pack` leaves out."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch

from challenge.bundle.train_config import Recipe, RecipeError
from challenge.util.atomic_files import replacing

PLACE: Final = Path(".train") / "checkpoint.pt"
# A training may be given more time; anything else would make another training of it.
MAY_CHANGE: Final = ("steps", "seconds")


@dataclass(frozen=True)
class Checkpoint:
    """All that a training needs to go on.

    Attributes:
        recipe: what it follows.
        model, optimiser: their state dicts.
        best_state, best: the best weights so far, as they would be stored, and their octaves.
        step: optimiser steps done.
        seconds: of training alone.
        loss: smoothed.
        frames: pictures made.
    """

    recipe: Recipe
    model: dict[str, Any]
    optimiser: dict[str, Any]
    best_state: dict[str, Any]
    best: float
    step: int
    seconds: float
    loss: float
    frames: int


def save(checkpoint: Checkpoint, directory: Path) -> None:
    """Write it whole or not at all."""
    path = directory / PLACE
    path.parent.mkdir(exist_ok=True)
    values = {field.name: getattr(checkpoint, field.name) for field in dataclasses.fields(checkpoint)}
    values["recipe"] = dataclasses.asdict(checkpoint.recipe)
    with replacing(path) as partial:
        torch.save(values, partial)


def load(directory: Path, recipe: Recipe) -> Checkpoint:
    """The checkpoint of a directory, to be gone on with by a recipe.

    Raises:
        RecipeError: there is none, it cannot be read, or it followed another recipe; says in what.
    """
    path = directory / PLACE
    try:
        values = torch.load(path, map_location="cpu", weights_only=True)
        before = Recipe(**values.pop("recipe"))
        checkpoint = Checkpoint(recipe=recipe, **values)
    except FileNotFoundError as error:
        raise RecipeError(f"There is no {path} to go on from: train without --resume.") from error
    except Exception as error:
        raise RecipeError(f"{path} is not a checkpoint of `mbc train` ({error}): remove it.") from error
    for field in dataclasses.fields(Recipe):
        was, now = getattr(before, field.name), getattr(recipe, field.name)
        if was != now and field.name not in MAY_CHANGE:
            raise RecipeError(
                f"{path} was made with {field.name} = {was!r}, and now it is {now!r}: "
                "ask for the same, or train without --resume."
            )
    return checkpoint


def forget(directory: Path) -> None:
    """Remove the checkpoint of a training that is over."""
    path = directory / PLACE
    path.unlink(missing_ok=True)
    if path.parent.is_dir() and not any(path.parent.iterdir()):
        path.parent.rmdir()
