"""Films: of a model's training, and of a zoom with truth | model | error and the skill of each view."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from challenge.imaging.pictures import (
    GAP,
    INTERIOR,
    error_image,
    model_image,
    side_by_side,
    value_image,
    view_scale,
)
from challenge.mandelbrot.coordinates import View, to_unit
from challenge.mandelbrot.target import target
from challenge.scoring.metrics import errors
from challenge.util.atomic_files import atomic_write

Array = NDArray[np.float64]
Predict = Callable[[Array], Array]

FORMATS: Final = (".webp", ".mp4")
FRAMES_PER_SECOND: Final = 12
FADE_FRAMES: Final = 6  # for a transition
HOLD_FRAMES: Final = 6
FINAL_FRAMES: Final = 2 * FRAMES_PER_SECOND  # hold of the last picture
PLOT_HEIGHT: Final = 108
CAPTION: Final = 22
TEXT: Final = (225, 222, 235)
FAINT: Final = (84, 78, 102)
# Line colours in order, distinguishable by colour-blind readers (Okabe and Ito).
COLOURS: Final = (
    (245, 190, 90), (86, 180, 233), (0, 158, 115), (204, 121, 167), (213, 94, 0), (240, 228, 66),
)  # fmt: skip


def training_film(frames: list[Image.Image], truth: Image.Image) -> Iterator[Image.Image]:
    """Truth beside the frames of a training, fading from one frame to the next.

    Args:
        frames: pictures of the training in order, all of one size.
        truth: the true picture, at any size.
    """
    size = frames[0].size
    known = truth.resize(size, Image.Resampling.LANCZOS)
    pictures = [frame.convert("RGB") for frame in frames]
    for index, picture in enumerate(pictures):
        caption = f"{index + 1} of {len(pictures)}"
        shown = add_captions(side_by_side(known, picture), ("truth", f"model, {caption}"))
        yield from [shown] * HOLD_FRAMES
        if index + 1 < len(pictures):
            for step in range(1, FADE_FRAMES + 1):
                mixed = Image.blend(picture, pictures[index + 1], step / (FADE_FRAMES + 1))
                yield add_captions(side_by_side(known, mixed), ("truth", f"model, {caption}"))
        else:
            yield from [shown] * FINAL_FRAMES


@dataclass(frozen=True)
class ZoomPath:
    """A zoom into a point of the plane.

    Attributes:
        centre: real and imaginary part.
        first, last: first and last octave.
        seconds: length of the film.
        pixels: width of each picture.
    """

    centre: tuple[float, float]
    first: float
    last: float
    seconds: float
    pixels: int

    def octaves(self) -> list[float]:
        """Octave of every picture, evenly spaced."""
        count = max(2, round(self.seconds * FRAMES_PER_SECOND))
        return [float(octave) for octave in np.linspace(self.first, self.last, count)]


def zoom_film(path: ZoomPath, predict: Predict) -> Iterator[Image.Image]:
    """Truth | model | error along a zoom, with a plot of the skill so far below.

    Args:
        path: the zoom.
        predict: the model: unit points (n, 2) to predictions (n,).
    """
    skills = list[tuple[float, float]]()
    shown = None
    for octave in path.octaves():
        points = View(path.centre, octave).grid(path.pixels)
        truth, prediction = target(points), predict(to_unit(points))
        variance = float(truth.var())
        wrong = float((errors(truth, prediction) ** 2).mean())
        skills.append((octave, max(0.0, 1 - wrong / variance) if variance > 0 else 0.0))
        row = add_captions(
            side_by_side(
                value_image(truth, view_scale(truth)),
                model_image(truth, prediction),
                error_image(truth, prediction),
            ),
            ("truth", "model", "error"),
        )
        curve = SkillCurve(f"octave {octave:.1f}: skill {skills[-1][1]:.2f}", skills)
        shown = stack_vertically(row, plot_skill([curve], octave, row.width, path.first, path.last, 2))
        yield shown
    if shown is not None:
        yield from [shown] * FINAL_FRAMES


def add_captions(row: Image.Image, names: tuple[str, ...]) -> Image.Image:
    """A row of pictures with a caption above each."""
    picture = Image.new("RGB", (row.width, row.height + CAPTION), INTERIOR)
    picture.paste(row, (0, CAPTION))
    draw = ImageDraw.Draw(picture)
    width = (row.width + GAP) / len(names)
    for index, name in enumerate(names):
        draw.text((round(index * width) + 6, 4), name, fill=TEXT, font=_font())
    return picture


def stack_vertically(first: Image.Image, second: Image.Image) -> Image.Image:
    """One picture on top of another of the same width."""
    both = Image.new("RGB", (first.width, first.height + second.height), INTERIOR)
    both.paste(first, (0, 0))
    both.paste(second, (0, first.height))
    return both


@dataclass(frozen=True)
class SkillCurve:
    """A line of the plot: its label and points (x, skill)."""

    name: str
    points: Sequence[tuple[float, float]]


def plot_skill(
    curves: Sequence[SkillCurve], now: float, width: int, first: float = 0.0, last: float = 1.0, tick: int = 0
) -> Image.Image:
    """Plot skill from x = `first` to `last`, with a coloured label per curve above.

    Args:
        curves: the lines; colours repeat after `COLOURS`.
        now: points beyond this x are not drawn.
        width: of the picture in pixels.
        first: smallest x.
        last: largest x.
        tick: distance of the integers labelled on the x axis; 0 for none.
    """
    picture = Image.new("RGB", (width, PLOT_HEIGHT), INTERIOR)
    draw = ImageDraw.Draw(picture)
    left, right, top, bottom = 36, width - 12, 24, PLOT_HEIGHT - 22

    def place(x: float, skill: float) -> tuple[float, float]:
        share = (x - first) / max(last - first, 1e-9)
        return left + share * (right - left), bottom - min(max(skill, 0.0), 1.0) * (bottom - top)

    for skill in (0.0, 0.5, 1.0):
        y = place(first, skill)[1]
        draw.line([(left, y), (right, y)], fill=FAINT)
        draw.text((6, y - 7), f"{skill:g}", fill=TEXT, font=_font())
    for number in range(math.ceil(first), math.floor(last) + 1, tick) if tick else ():
        draw.text((place(number, 0)[0] - 4, bottom + 4), str(number), fill=TEXT, font=_font())
    end = float(right)
    for index, curve in enumerate(curves):
        colour = COLOURS[index % len(COLOURS)]
        line = [place(*point) for point in curve.points if point[0] <= now]
        if len(line) > 1:
            draw.line(line, fill=colour, width=2)
        x, y = line[-1]
        draw.ellipse([x - 3, y - 3, x + 3, y + 3], fill=colour)
        end -= draw.textlength(curve.name, font=_font())
        draw.text((end, 2), curve.name, fill=colour, font=_font())
        end -= 12
    return picture


def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(13)


def write_film(pictures: Iterable[Image.Image], path: Path) -> int:
    """Write pictures of one size as WebP or MP4, atomically; returns the number of pictures.

    Raises:
        ValueError: unknown suffix, no pictures, or MP4 without imageio-ffmpeg.
        OSError: the file cannot be written.
    """
    writers = {".webp": _write_webp, ".mp4": _write_mp4}
    if path.suffix not in writers:
        raise ValueError(f"{path} should end in {' or '.join(writers)}")
    every = iter(pictures)
    first = next(every, None)
    if first is None:
        raise ValueError("a film needs pictures")
    with atomic_write(path) as partial:
        return writers[path.suffix](chain([first], every), first.size, partial)


def _write_webp(pictures: Iterator[Image.Image], _size: tuple[int, int], path: Path) -> int:
    count = 0

    def counted() -> Iterator[Image.Image]:
        nonlocal count
        for picture in pictures:
            count += 1
            yield picture

    every = counted()
    next(every).save(
        path,
        "WEBP",
        save_all=True,
        append_images=every,
        duration=round(1000 / FRAMES_PER_SECOND),
        loop=0,
        quality=80,
        method=2,
    )
    return count


def _write_mp4(pictures: Iterator[Image.Image], size: tuple[int, int], path: Path) -> int:
    try:
        import imageio_ffmpeg  # noqa: PLC0415 - an optional extra
    except ImportError as error:
        raise ValueError(
            "MP4 needs the package imageio-ffmpeg (pip install imageio-ffmpeg); WebP needs nothing"
        ) from error
    # The codec halves the resolution of colour and needs even sides.
    even = size[0] // 2 * 2, size[1] // 2 * 2
    writer = imageio_ffmpeg.write_frames(
        str(path),
        even,
        fps=FRAMES_PER_SECOND,
        codec="libx264",
        quality=8,
        macro_block_size=2,
        ffmpeg_log_level="error",
    )
    writer.send(None)
    count = 0
    try:
        for picture in pictures:
            writer.send(picture.crop((0, 0, *even)).tobytes())
            count += 1
    finally:
        writer.close()
    return count
