"""`mbc film`: a film of a submission's training, or of a zoom with truth | model | error."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from challenge.commands.cli_errors import explain_errors, fail
from challenge.scoring.places import PLACES, find_place
from challenge.util import exit_codes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from PIL.Image import Image


@click.command(epilog="Examples: mbc film mine | mbc film mine --zoom seahorse-valley --to 12 -o zoom.mp4")
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--zoom", "place", metavar="PLACE", help=f"One of {', '.join(p.slug for p in PLACES)}.")
@click.option(
    "--to", "last", type=click.FloatRange(1, 32), help="Last octave.  [default: the deepest of the place]"
)
@click.option(
    "--seconds",
    type=click.FloatRange(1, 600),
    default=12.0,
    show_default=True,
    help="Length of the zoom in seconds.",
)
@click.option(
    "--size",
    type=click.IntRange(32, 1024),
    default=240,
    show_default=True,
    help="Width of each picture of the zoom in pixels.",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The film: .webp, or .mp4 if imageio-ffmpeg is installed.  [default: film.webp in DIR]",
)
def film(
    directory: Path, place: str | None, last: float | None, seconds: float, size: int, out: Path | None
) -> None:
    """Make a film of the submission in DIR: its training (frames/ beside the truth), or a zoom with --zoom.

    A zoom shows truth | model | error and the skill of each view. model.py runs in this process, without a
    sandbox.
    """
    if not directory.is_dir():
        raise click.BadParameter(f"{directory} is not a directory of a submission.", param_hint="DIR")
    from challenge.imaging.films import FORMATS, ZoomPath, training_film, write_film, zoom_film  # noqa: PLC0415 - help comes at once

    out = out or directory / "film.webp"
    if out.suffix not in FORMATS:
        raise click.BadParameter(f"{out} should end in {' or '.join(FORMATS)}.", param_hint="--out")
    with explain_errors():
        if place is None:
            pictures: Iterable[Image] = training_film(*_frames(directory))
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
                raise click.BadParameter(
                    f"{spot.name} starts at octave {first:g}, so --to must be larger.", param_hint="--to"
                )
            path = ZoomPath(spot.centre, first, last, seconds, size)
            pictures, total = zoom_film(path, lambda x: predict(model, x)), len(path.octaves())
        try:
            count = write_film(_with_progress(pictures, total), out)
        except ValueError as problem:
            fail(f"{problem}.", exit_codes.FAILED)
    click.echo(f"Wrote {count} pictures to {out} ({out.stat().st_size:,} bytes).")


def _frames(directory: Path) -> "tuple[list[Image], Image]":
    from PIL import Image as images  # noqa: PLC0415, N813 - help comes at once; the class has the name

    from challenge.imaging.pictures import value_image, view_scale  # noqa: PLC0415
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
        fail(f"The frames in {directory / 'frames'} do not all have the same size.", exit_codes.FAILED)
    return frames, value_image(truth, view_scale(truth))


def _with_progress(pictures: "Iterable[Image]", total: int | None) -> "Iterator[Image]":
    """The same pictures, with a progress bar on stderr if that is a terminal."""
    if total is None or not sys.stderr.isatty():
        yield from pictures
        return
    with click.progressbar(pictures, length=total, label="drawing", file=sys.stderr) as bar:
        yield from bar
