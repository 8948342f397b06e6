"""`mbc film`: a submission as it learned, or a zoom of truth | model | error."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from challenge.commands.cli_errors import fail, told
from challenge.scoring.places import PLACES, find_place
from challenge.util import exit_codes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from PIL.Image import Image


@click.command(epilog="Examples: mbc film mine | mbc film mine --zoom seahorse-valley --to 12 -o zoom.mp4")
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--zoom", "place", metavar="PLACE", help=f"One of {', '.join(p.slug for p in PLACES)}.")
@click.option("--to", "last", type=click.FloatRange(1, 32), help="Last octave.  [default: the place's]")
@click.option(
    "--seconds", type=click.FloatRange(1, 600), default=12.0, show_default=True, help="Of the zoom."
)
@click.option("--size", type=click.IntRange(32, 1024), default=240, show_default=True,
              help="Pixels of a side of each picture of the zoom.")  # fmt: skip
@click.option("-o", "--out", type=click.Path(path_type=Path, dir_okay=False),
              help="The film: .webp, or .mp4 with imageio-ffmpeg.  [default: film.webp in DIR]")  # fmt: skip
def film(
    directory: Path, place: str | None, last: float | None, seconds: float, size: int, out: Path | None
) -> None:
    """Make a film of the submission in DIR: of its frames/, beside the truth, or with --zoom of a zoom.

    A zoom shows truth | model | error, and the skill by octave as it goes. The model runs in this process.
    """
    if not directory.is_dir():
        raise click.BadParameter(f"{directory} is not a directory of a submission.", param_hint="DIR")
    from challenge.imaging.films import FORMATS, Zoom, learning, write_film, zoom  # noqa: PLC0415 - help comes at once

    out = out or directory / "film.webp"
    if out.suffix not in FORMATS:
        raise click.BadParameter(f"{out} should end in {' or '.join(FORMATS)}.", param_hint="--out")
    with told():
        if place is None:
            pictures: Iterable[Image] = learning(*_frames(directory))
            total = None
        else:
            try:
                spot = find_place(place)
            except KeyError as error:
                raise click.BadParameter(str(error.args[0]), param_hint="--zoom") from error
            from challenge.training.local_model import load_model, predict  # noqa: PLC0415 - torch takes seconds

            model = load_model(directory)
            first = float(spot.octaves[0])
            last = float(spot.octaves[-1]) if last is None else last
            if last <= first:
                raise click.BadParameter(f"{spot.name} begins at octave {first:g}.", param_hint="--to")
            course = Zoom(spot.centre, first, last, seconds, size)
            pictures, total = zoom(course, lambda x: predict(model, x)), len(course.octaves())
        try:
            count = write_film(_watched(pictures, total), out)
        except ValueError as problem:
            fail(f"{problem}.", exit_codes.FAILED)
    click.echo(f"Wrote {count} pictures to {out} ({out.stat().st_size:,} bytes).")


def _frames(directory: Path) -> "tuple[list[Image], Image]":
    from PIL import Image as images  # noqa: PLC0415, N813 - help comes at once; the class has the name

    from challenge.imaging.pictures import image, view_scale  # noqa: PLC0415
    from challenge.mandelbrot.target import target  # noqa: PLC0415
    from challenge.training.snapshots import FRAME_PIXELS, FRAME_VIEW  # noqa: PLC0415

    paths = sorted((directory / "frames").glob("*.png"))
    if not paths:
        fail(
            f"There are no frames in {directory / 'frames'}: `mbc train {directory}` makes them.",
            exit_codes.FAILED,
        )
    truth = target(FRAME_VIEW.grid(FRAME_PIXELS))
    frames = [images.open(path).convert("RGB") for path in paths]
    if len({frame.size for frame in frames}) > 1:
        fail(f"The frames in {directory / 'frames'} are not all of one size.", exit_codes.FAILED)
    return frames, image(truth, view_scale(truth))


def _watched(pictures: "Iterable[Image]", total: int | None) -> "Iterator[Image]":
    """The pictures, with a bar on stderr while they are made, if that is a terminal."""
    if total is None or not sys.stderr.isatty():
        yield from pictures
        return
    with click.progressbar(pictures, length=total, label="drawing", file=sys.stderr) as bar:
        yield from bar
