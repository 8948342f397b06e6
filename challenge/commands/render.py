"""`mbc render`: a picture of the truth, or of truth, model and error."""

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import click

from challenge.commands.cli_errors import explain_errors
from challenge.mandelbrot.deep_zoom import DEEPEST
from challenge.scoring.places import PLACES, find_place

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

# At this octave a pixel of a picture 1,000 wide spans a few hundred float64 steps. Deeper pictures are drawn
# from a reference orbit, and without models, whose coordinates are float64.
DEEPEST_FLOAT64 = 32
MAX_ITERATIONS = 10_000_000
MAX_DIGITS_SHOWN = 24


class _Centre(click.ParamType[tuple[str, str]]):
    """RE,IM with any number of decimal digits, kept as text."""

    name = "RE,IM"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        from challenge.mandelbrot.deep_zoom import parse  # noqa: PLC0415 - help comes at once

        parts = value.replace(",", " ").split()
        if len(parts) != 2:
            self.fail(f"{value!r} is not RE,IM, like -0.75,0.1.", param, ctx)
        centre = (parts[0], parts[1])
        try:
            parse(centre)
        except ValueError as error:
            self.fail(f"{error}.", param, ctx)
        return centre


@click.command(
    epilog="Examples: mbc render --place spiral --octave 14 | "
    "mbc render mine --place seahorse-valley --octave 6 -o mine.png | "
    "mbc render --center -1.7548776662466927,0 --octave 40"
)
@click.argument("path", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option("--place", metavar="NAME", help=f"One of {', '.join(p.slug for p in PLACES)}.")
@click.option(
    "--center",
    "--centre",
    "centre",
    type=_Centre(),
    help="Centre of the view instead of --place, with as many digits as the octave needs.",
)
@click.option(
    "--octave",
    type=click.FloatRange(0, DEEPEST),
    help=f"Zoom: 0 is the whole window, each octave halves its width. Models: at most {DEEPEST_FLOAT64}.",
)
@click.option(
    "--iterations",
    type=click.IntRange(1, MAX_ITERATIONS),
    default=100_000,
    show_default=True,
    help="A point that has not escaped by then counts as inside.",
)
@click.option("--size", type=click.IntRange(8, 4096), default=512, show_default=True, help="Width in pixels.")
@click.option(
    "--only", type=click.Choice(["truth", "model", "error"]), help="One picture instead of all three."
)
@click.option(
    "--colours",
    "--colors",
    "cmap",
    default="twilight_shifted",
    show_default=True,
    help="A matplotlib colour map, such as inferno or magma.",
)
@click.option(
    "--smooth",
    type=click.IntRange(1, 4),
    default=1,
    show_default=True,
    help="Supersampling: points along the side of a pixel; the time grows with its square.",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default="render.png",
    show_default=True,
    help="The PNG file.",
)
def render(
    path: Path | None,
    place: str | None,
    centre: tuple[str, str] | None,
    octave: float | None,
    iterations: int,
    size: int,
    only: str | None,
    cmap: str,
    smooth: int,
    out: Path,
) -> None:
    """Draw a view: the truth, or, for the submission in DIR, truth | model | error side by side.

    Colours cover the truth's range in the view. The error is brightest where it reaches the view's standard
    deviation. model.py runs in this process without a sandbox: do not draw other people's submissions.
    """
    if place and centre:
        raise click.UsageError("--place and --center exclude each other.")
    if path is None and only in {"model", "error"}:
        raise click.UsageError(
            f"--only {only} needs the directory of a submission: mbc render DIR --only {only}"
        )
    if path is not None and not path.is_dir():
        raise click.BadParameter(f"{path} is not a directory of a submission.", param_hint="DIR")
    if out.suffix != ".png":
        raise click.BadParameter(f"{out} should end in .png, the format of the picture.", param_hint="--out")
    try:
        spot = find_place(place) if place else None
    except KeyError as error:
        raise click.BadParameter(str(error.args[0]), param_hint="--place") from error
    from challenge.imaging import pictures  # noqa: PLC0415 - numba and matplotlib take a second
    from challenge.mandelbrot.coordinates import CENTRE, View  # noqa: PLC0415
    from challenge.mandelbrot.deep_zoom import render as render_counts  # noqa: PLC0415
    from challenge.mandelbrot.target import squash, target  # noqa: PLC0415

    if octave is None:
        octave = float(spot.octaves[0]) if spot else 0.0
    if path is not None and octave > DEEPEST_FLOAT64:
        raise click.BadParameter(
            f"beyond {DEEPEST_FLOAT64} only the truth is drawn: leave {path} out.", param_hint="--octave"
        )
    if centre is None:
        centre = _digits(spot.centre if spot else CENTRE)
    with explain_errors():
        try:
            view = View((float(Fraction(centre[0])), float(Fraction(centre[1]))), octave)
            if path is not None:
                parts = _with_model(path, view.grid(size * smooth), iterations, only, cmap)
            else:
                if octave > DEEPEST_FLOAT64:
                    truth = squash(render_counts(centre, octave, size * smooth, iterations).ravel())
                else:
                    truth = target(view.grid(size * smooth), max_iterations=iterations)
                parts = [pictures.value_image(truth, pictures.view_scale(truth), cmap)]
        except ValueError as problem:  # a colour map
            raise click.UsageError(f"{problem}.") from problem
        picture = pictures.side_by_side(*[pictures.downsample(part, smooth) for part in parts])
        out.write_bytes(pictures.png_bytes(picture))
    click.echo(f"Drew octave {octave:g} around {','.join(map(_short, centre))} to {out}.")


def _short(digits: str) -> str:
    return digits if len(digits) <= MAX_DIGITS_SHOWN else f"{digits[:MAX_DIGITS_SHOWN]}..."


def _digits(centre: tuple[float, float]) -> tuple[str, str]:
    return repr(centre[0]), repr(centre[1])


def _with_model(
    path: Path, points: "NDArray[np.float64]", iterations: int, only: str | None, cmap: str
) -> "list[Image]":
    """Truth, model and error of a submission, or only the one named by `only`."""
    from challenge.imaging import pictures  # noqa: PLC0415 - numba and matplotlib take a second
    from challenge.mandelbrot.coordinates import to_unit  # noqa: PLC0415
    from challenge.mandelbrot.target import target  # noqa: PLC0415
    from challenge.training.local_model import load_model, predict  # noqa: PLC0415 - torch takes seconds

    truth = target(points, max_iterations=iterations)
    prediction = predict(load_model(path), to_unit(points))
    every = {
        "truth": pictures.value_image(truth, pictures.view_scale(truth), cmap),
        "model": pictures.model_image(truth, prediction, cmap),
        "error": pictures.error_image(truth, prediction),
    }
    return [every[only]] if only else list(every.values())
