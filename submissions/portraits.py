"""What each README shows: the model at three places, and its skill by octave."""

from pathlib import Path

import torch

from challenge.films import Curve, above, captioned, plot
from challenge.frame import View, to_unit
from challenge.local import load_model, predict
from challenge.pictures import model_image, png_bytes, shrink, side_by_side
from challenge.places import find_place
from challenge.target import target

PIXELS = 280
# Drawn finer, then averaged, so that a model is not blamed for the grain of the picture.
FINER = 2
PLACES = (("base-window", 0), ("seahorse-valley", 6), ("spiral", 9))


def portrait(directory: Path, skill: list[float], path: Path) -> None:
    """Draw the model of a directory that has weights.

    Args:
        directory: of the submission.
        skill: its skill by octave.
        path: the PNG to write.
    """
    torch.set_num_threads(1)
    model, pictures, names = load_model(directory), [], []
    for slug, octave in PLACES:
        place = find_place(slug)
        points = View(place.centre, octave).grid(PIXELS * FINER)
        drawn = model_image(target(points), predict(model, to_unit(points)))
        pictures.append(shrink(drawn, FINER))
        names.append(f"{place.name}, octave {octave}")
    row = captioned(side_by_side(*pictures), tuple(names))
    curve = Curve("skill by octave", list(enumerate(skill)))
    last = len(skill) - 1
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(png_bytes(above(row, plot([curve], last, row.width, 0, last, 4)), colours=256))
