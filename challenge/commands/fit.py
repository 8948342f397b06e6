"""`mbc fit`: kinds of models side by side on one data set, learning for the same time, in one film."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from challenge.commands.cli_errors import fail, told
from challenge.commands.new import REFERENCES, kinds
from challenge.util import exit_codes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL.Image import Image

    from challenge.controls import Control
    from challenge.training.fitting import Fit

DATA = ("curve", "picture", "sphere", "spiral", "digits", "mnist", "mandelbrot")
STEPS = 2000


@click.command(
    name="fit",
    epilog="Examples: mbc fit --on sphere mlp fourier | mbc fit --on curve mlp mine -o curve.mp4",
)
@click.option("--on", "name", type=click.Choice(DATA), required=True, help="The data set.")
@click.argument("kind", nargs=-1, required=True)
@click.option("--steps", type=click.IntRange(1), help=f"Optimiser steps of each.  [default: {STEPS:,}]")
@click.option("--seconds", type=click.FloatRange(0.1), help="Or seconds of each.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True,
              help="Of the data, the initial weights and the batches.")  # fmt: skip
@click.option("--size", type=click.IntRange(64, 1024), default=240, show_default=True,
              help="Pixels of a side of each picture.")  # fmt: skip
@click.option("-o", "--out", type=click.Path(path_type=Path, dir_okay=False),
              help="The film: .webp, or .mp4 with imageio-ffmpeg.  [default: fit-DATA.webp]")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def fit(
    name: str, kind: tuple[str, ...], steps: int | None, seconds: float | None, seed: int, size: int,
    out: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Fit each KIND, a reference or the directory of your own, to one data set, and watch them learn.

    All have the platform's trainer, the same data and the same steps or seconds. The film shows them side by
    side at the same moments, and below them how well they do on what was held out. model.py runs in this
    process.
    """
    directories = [_directory(one) for one in kind]
    from challenge.imaging.films import FORMATS  # noqa: PLC0415 - help comes at once

    out = out or Path(f"fit-{name}.webp")
    if out.suffix not in FORMATS:
        raise click.BadParameter(f"{out} should end in {' or '.join(FORMATS)}.", param_hint="--out")
    with told():
        from challenge.imaging.films import write_film  # noqa: PLC0415
        from challenge.training import fitting  # noqa: PLC0415 - torch takes seconds
        from challenge.training.local_model import load_build  # noqa: PLC0415
        from challenge.training.refit import Budget  # noqa: PLC0415

        control = fitting.data(name, seed)
        budget = Budget(steps, seconds) if steps or seconds else Budget(STEPS)
        fits = []
        for directory in directories:
            with click.progressbar(length=1000, label=directory.name, file=sys.stderr,
                                   hidden=not sys.stderr.isatty()) as bar:  # fmt: skip
                fits.append(
                    fitting.fit(
                        directory.name, load_build(directory), control, budget, seed=seed,
                        progress=lambda done, bar=bar: bar.update(round(1000 * done) - bar.pos),  # type: ignore[misc]
                    )
                )  # fmt: skip
        try:
            write_film(_film(control, fits, size), out)
        except ValueError as problem:
            fail(f"{problem}.", exit_codes.FAILED)
    _print(control, fits, out, as_json=as_json)


def _directory(kind: str) -> Path:
    for directory in (Path(kind), REFERENCES / kind):
        if (directory / "model.py").is_file():
            return directory.resolve()
    raise click.BadParameter(
        f"{kind!r} is neither a directory with a model.py nor one of {', '.join(kinds())}.", param_hint="KIND"
    )


def _film(control: "Control", fits: "list[Fit]", size: int) -> "Iterator[Image]":
    """All fits at each moment that all of them were looked at, as one row over their curves."""
    from challenge.imaging import films  # noqa: PLC0415
    from challenge.imaging.pictures import side_by_side  # noqa: PLC0415
    from challenge.imaging.thumbnails import panel  # noqa: PLC0415
    from challenge.training import fitting  # noqa: PLC0415

    curves = [films.Curve(one.name, [(look.done, look.skill) for look in one.looks]) for one in fits]
    moments = min(len(one.looks) for one in fits)
    shown = None
    for moment in range(moments):
        # Those with more looks than others skip some, and all end with their last.
        looks = [one.looks[round(moment * (len(one.looks) - 1) / max(1, moments - 1))] for one in fits]
        names = (
            f"{one.name}: {fitting.figure(control, look.skill)}"
            for one, look in zip(fits, looks, strict=True)
        )
        panels = [panel(control, look.held, look.on_grid, size) for look in looks]
        row = films.captioned(side_by_side(*panels), tuple(names))
        shown = films.above(row, films.plot(curves, looks[0].done, row.width))
        yield from [shown] * films.HOLD
    if shown is not None:
        yield from [shown] * films.PAUSE


def _print(control: "Control", fits: "list[Fit]", out: Path, *, as_json: bool) -> None:
    from challenge.training.fitting import figure  # noqa: PLC0415

    if as_json:
        figures: list[dict[str, Any]] = [
            {
                "kind": one.name,
                "skill": one.looks[-1].skill,
                "parameters": one.parameters,
                "seconds": one.seconds,
            }
            for one in fits
        ]
        click.echo(json.dumps({"data": control.name, "film": str(out), "fits": figures}))
        return
    click.echo(f"{control.name}, {control.in_features} -> {control.out_features}")
    for one in sorted(fits, key=lambda one: -one.looks[-1].skill):
        skill = figure(control, one.looks[-1].skill)
        click.echo(f"  {one.name:<20}{skill:<18}{one.parameters:>12,} parameters  {one.seconds:6.1f} s")
    click.echo(f"Wrote {out} ({out.stat().st_size:,} bytes).")
