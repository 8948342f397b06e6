"""What each README shows: the model down one zoom, and its skill by octave; and all models at one place."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from challenge.imaging.films import FAINT, TEXT
from challenge.imaging.pictures import (
    GAP,
    INTERIOR,
    downsample,
    error_image,
    model_image,
    png_bytes,
    value_image,
    view_scale,
)
from challenge.mandelbrot.coordinates import View, to_unit
from challenge.mandelbrot.target import target
from challenge.scoring.metrics import errors
from challenge.scoring.places import find_place
from challenge.training.local_model import load_model, predict

PIXELS = 164
# Drawn finer, then averaged, so that a model is not blamed for the grain of the picture.
FINER = 2
ZOOM = (("base-window", 0), *(("seahorse-valley", octave) for octave in (3, 6, 9, 12)))
# Of the zoom, the view where the models differ most.
COMPARED = 2
ROWS = ("truth", "model", "error")
GUTTER, TOP, MARGIN = 58, 40, 10
BARS, BASELINE = 130, 22
ACROSS = 5
CAPTION = 24
SHOWN, OTHERS = (245, 190, 90), (150, 112, 62)
# As PNG with all colours each would take three times the bytes.
PALETTE = 256


def portrait(directory: Path, skill: Sequence[float], path: Path) -> None:
    """Draw the model of a directory that has weights: truth, model and error down a zoom, and its skill.

    Args:
        directory: of the submission.
        skill: its skill by octave.
        path: the PNG to write.
    """
    torch.set_num_threads(1)
    model = load_model(directory)
    width = _left(len(ZOOM)) - GAP + MARGIN
    height = _upper(len(ROWS)) + BARS
    picture = Image.new("RGB", (width, height), INTERIOR)
    draw = ImageDraw.Draw(picture)
    for index, name in enumerate(ROWS):
        draw.text((MARGIN, _upper(index) + PIXELS // 2), name, fill=TEXT, font=_font(14), anchor="lm")
    for column, (slug, octave) in enumerate(ZOOM):
        points = View(find_place(slug).centre, octave).grid(PIXELS * FINER)
        truth, prediction = target(points), predict(model, to_unit(points))
        drawn = (
            value_image(truth, view_scale(truth)),
            model_image(truth, prediction),
            error_image(truth, prediction),
        )
        for index, one in enumerate(drawn):
            picture.paste(downsample(one, FINER), (_left(column), _upper(index)))
        reached = max(0.0, 1 - float((errors(truth, prediction) ** 2).mean() / truth.var()))
        middle = _left(column) + PIXELS // 2
        draw.text((middle, 12), f"octave {octave}", fill=TEXT, font=_font(14), anchor="mm")
        draw.text((middle, 29), f"skill {reached:.2f}", fill=SHOWN, font=_font(13), anchor="mm")
    _bars(draw, skill, (GUTTER, _upper(len(ROWS)), width - MARGIN, height))
    _write(picture, path)


def compare(kinds: Sequence[tuple[str, float]], pictures: Path) -> None:
    """Put the models of these kinds side by side as pictures/all.png, the truth first.

    They are cut out of the portraits, which are there for kinds whose weights are not, too.

    Args:
        kinds: name and octaves of each, in the order they are shown.
        pictures: where the portraits are.
    """
    names = [("truth", ""), *((name, f"{octaves:.2f}") for name, octaves in kinds)]
    high = PIXELS + CAPTION
    rows = -(-len(names) // ACROSS)
    picture = Image.new("RGB", (ACROSS * (PIXELS + GAP) - GAP, rows * (high + GAP) - GAP), INTERIOR)
    draw = ImageDraw.Draw(picture)
    for index, (name, octaves) in enumerate(names):
        left, upper = index % ACROSS * (PIXELS + GAP), index // ACROSS * (high + GAP)
        row = ROWS.index("model" if index else "truth")
        with Image.open(pictures / f"{kinds[max(0, index - 1)][0]}.png") as whole:
            corner = _left(COMPARED), _upper(row)
            cut = whole.convert("RGB").crop((*corner, corner[0] + PIXELS, corner[1] + PIXELS))
        picture.paste(cut, (left, upper + CAPTION))
        draw.text((left + 5, upper + CAPTION // 2), name, fill=TEXT, font=_font(14), anchor="lm")
        draw.text((left + PIXELS - 5, upper + CAPTION // 2), octaves, fill=SHOWN, font=_font(14), anchor="rm")
    _write(picture, pictures / "all.png")


def _bars(draw: ImageDraw.ImageDraw, skill: Sequence[float], box: tuple[int, int, int, int]) -> None:
    """A bar an octave, so that their area is the score; those of the zoom are brighter."""
    left, top, right, bottom = box
    shown = {octave for _, octave in ZOOM}
    zero, one = bottom - BASELINE, top + 26
    step = (right - left) / len(skill)
    for level, name in ((0.0, "0"), (0.5, "0.5"), (1.0, "1")):
        y = round(zero - level * (zero - one))
        draw.line([(left, y), (right, y)], fill=FAINT)
        draw.text((left - 8, y), name, fill=TEXT, font=_font(13), anchor="rm")
    for octave, value in enumerate(skill):
        x = left + octave * step
        y = zero - min(max(value, 0.0), 1.0) * (zero - one)
        colour = SHOWN if octave in shown else OTHERS
        if round(y) < zero:
            draw.rectangle([round(x) + 1, round(y), round(x + step) - 2, zero - 1], fill=colour)
        if octave % 2 == 0:
            draw.text((x + step / 2, zero + 11), str(octave), fill=TEXT, font=_font(12), anchor="mm")
    told = f"mean skill by octave; the area of the bars is the score: {np.sum(skill):.2f} octaves"
    draw.text((right, top + 13), told, fill=TEXT, font=_font(13), anchor="rm")


def _left(column: int) -> int:
    return GUTTER + column * (PIXELS + GAP)


def _upper(row: int) -> int:
    return TOP + row * (PIXELS + GAP)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _write(picture: Image.Image, path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(png_bytes(picture, colours=PALETTE))
