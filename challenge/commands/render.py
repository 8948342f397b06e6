"""`mbc render`: a picture of the truth, of a model, or of both and the error."""

from pathlib import Path

import click

from challenge.commands.ending import told
from challenge.places import PLACES, find_place

# A pixel of 1,000 at this octave is a few hundred steps of double precision wide.
DEEPEST = 32.0


@click.command(
    epilog="Examples: mbc render --place spiral --octave 14 | "
    "mbc render mine --place seahorse-valley --octave 6 -o mine.png"
)
@click.argument("path", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option("--place", metavar="NAME", help=f"One of {', '.join(p.slug for p in PLACES)}.")
@click.option(
    "--center", "--centre", "centre", nargs=2, type=float, metavar="RE IM", help="Or any point of the plane."
)
@click.option(
    "--octave",
    type=click.FloatRange(0, DEEPEST),
    help="Zoom: 0 is the whole window, each more is twice as deep.",
)
@click.option(
    "--size", type=click.IntRange(8, 4096), default=512, show_default=True, help="Pixels of a side."
)
@click.option(
    "--only", type=click.Choice(["truth", "model", "error"]), help="One picture instead of all three."
)
@click.option("--colours", "--colors", "cmap", default="twilight_shifted", show_default=True,
              help="A colour map of matplotlib's, such as inferno or magma.")  # fmt: skip
@click.option("--smooth", type=click.IntRange(1, 4), default=1, show_default=True,
              help="Points along the side of a pixel: smoother, and slower with the square.")  # fmt: skip
@click.option("-o", "--out", type=click.Path(path_type=Path, dir_okay=False), default="render.png",
              show_default=True, help="The PNG file.")  # fmt: skip
def render(
    path: Path | None,
    place: str | None,
    centre: tuple[float, float] | None,
    octave: float | None,
    size: int,
    only: str | None,
    cmap: str,
    smooth: int,
    out: Path,
) -> None:
    """Draw a view: the truth, or, for the submission in DIR, truth | model | error side by side.

    Colours follow the truth's range in the view. The error is full where it is as large as the view's
    standard deviation. The model runs in this process, so draw your own.
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
        raise click.BadParameter(
            f"{out} should end in .png, the format it is written in.", param_hint="--out"
        )
    try:
        spot = find_place(place) if place else None
    except KeyError as error:
        raise click.BadParameter(str(error.args[0]), param_hint="--place") from error
    from challenge import pictures  # noqa: PLC0415 - numba and matplotlib take a second
    from challenge.frame import CENTRE, View, to_unit  # noqa: PLC0415
    from challenge.target import target  # noqa: PLC0415

    if octave is None:
        octave = float(spot.octaves[0]) if spot else 0.0
    view = View(spot.centre if spot else centre or CENTRE, octave)
    points = view.grid(size * smooth)
    with told():
        try:
            truth = target(points)
            if path is None or only == "truth":
                parts = [pictures.image(truth, pictures.view_scale(truth), cmap)]
            else:
                from challenge.local import load_model, predict  # noqa: PLC0415 - torch takes seconds

                prediction = predict(load_model(path), to_unit(points))
                model = pictures.model_image(truth, prediction, cmap)
                wrong = pictures.error_image(truth, prediction)
                every = {
                    "truth": pictures.image(truth, pictures.view_scale(truth), cmap),
                    "model": model,
                    "error": wrong,
                }
                parts = [every[only]] if only else list(every.values())
        except ValueError as problem:  # a colour map, or a centre that is not finite
            raise click.UsageError(f"{problem}.") from problem
        picture = pictures.side_by_side(*[pictures.shrink(part, smooth) for part in parts])
        out.write_bytes(pictures.png_bytes(picture))
    click.echo(f"Drew octave {octave:g} around ({view.centre[0]!r}, {view.centre[1]!r}) to {out}.")
