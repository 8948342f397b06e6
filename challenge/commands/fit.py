"""`mbc fit`: fit several models to one data set with the same budget, and film them side by side."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from challenge.bundle.references import reference_folder, reference_kinds
from challenge.bundle.variants import source_file
from challenge.commands.cli_errors import explain_errors, fail
from challenge.util import exit_codes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL.Image import Image

    from challenge.controls import Control
    from challenge.training.comparison import FitResult

DATA = ("curve", "picture", "sphere", "spiral", "digits", "mnist", "mandelbrot")
STEPS = 2000


@click.command(
    name="fit",
    epilog="Examples: mbc fit --on sphere mlp fourier | mbc fit --on curve mlp mine -o curve.mp4",
)
@click.option("--on", "name", type=click.Choice(DATA), required=True, help="The data set.")
@click.argument("kind", nargs=-1, required=True)
@click.option("--steps", type=click.IntRange(1), help=f"Optimiser steps per model.  [default: {STEPS:,}]")
@click.option("--seconds", type=click.FloatRange(0.1), help="Seconds per model, instead of steps.")
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=0,
    show_default=True,
    help="Seed of the data, the initial weights and the batches.",
)
@click.option(
    "--size",
    type=click.IntRange(64, 1024),
    default=240,
    show_default=True,
    help="Width of each picture in pixels.",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The film: .webp, or .mp4 if imageio-ffmpeg is installed.  [default: fit-DATA.webp]",
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def fit(
    name: str, kind: tuple[str, ...], steps: int | None, seconds: float | None, seed: int, size: int,
    out: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Fit each KIND (a reference's name or a submission's directory) to one data set, and film the training.

    The platform's trainer trains all models on the same data for the same steps or seconds. The film
    shows them side by side at the same moments, with their skill on held-out data below. Each model.py runs
    in a process of its own, without a sandbox.
    """
    directories = [_directory(one) for one in kind]
    from challenge.imaging.films import FORMATS  # noqa: PLC0415 - help comes at once

    out = out or Path(f"fit-{name}.webp")
    if out.suffix not in FORMATS:
        raise click.BadParameter(f"{out} should end in {' or '.join(FORMATS)}.", param_hint="--out")
    with explain_errors():
        from challenge.imaging.films import write_film  # noqa: PLC0415
        from challenge.training import comparison  # noqa: PLC0415 - torch takes seconds
        from challenge.training.comparison_process import fit_directory  # noqa: PLC0415
        from challenge.training.refit import Budget  # noqa: PLC0415

        control = comparison.draw_data_set(name, seed)
        budget = Budget(steps, seconds) if steps or seconds else Budget(STEPS)
        fits = []
        for directory in directories:
            with click.progressbar(length=1000, label=directory.name, file=sys.stderr,
                                   hidden=not sys.stderr.isatty()) as bar:  # fmt: skip
                fits.append(
                    fit_directory(
                        directory, name, budget, seed=seed,
                        progress=lambda done, bar=bar: bar.update(round(1000 * done) - bar.pos),  # type: ignore[misc]
                    )
                )  # fmt: skip
        try:
            write_film(_film(control, fits, size), out)
        except ValueError as problem:
            fail(f"{problem}.", exit_codes.FAILED)
    _print(control, fits, out, as_json=as_json)


def _directory(kind: str) -> Path:
    for directory in (Path(kind), reference_folder() / kind):
        if source_file(directory, "model.py").is_file():
            return directory.resolve()
    raise click.BadParameter(
        f"{kind!r} is neither a directory with a model.py nor one of {', '.join(reference_kinds())}.",
        param_hint="KIND",
    )


def _film(control: "Control", fits: "list[FitResult]", size: int) -> "Iterator[Image]":
    """One row of pictures per moment, with the skill curves below."""
    from challenge.imaging import films  # noqa: PLC0415
    from challenge.imaging.pictures import side_by_side  # noqa: PLC0415
    from challenge.imaging.thumbnails import control_thumbnail  # noqa: PLC0415
    from challenge.training import comparison  # noqa: PLC0415

    curves = [
        films.SkillCurve(one.name, [(snapshot.done, snapshot.skill) for snapshot in one.snapshots])
        for one in fits
    ]
    moments = min(len(one.snapshots) for one in fits)
    shown = None
    for moment in range(moments):
        # Fits may differ in their number of snapshots; every row shows the same share of each.
        snapshots = [
            one.snapshots[round(moment * (len(one.snapshots) - 1) / max(1, moments - 1))] for one in fits
        ]
        names = (
            f"{one.name}: {comparison.format_skill(control, snapshot.skill)}"
            for one, snapshot in zip(fits, snapshots, strict=True)
        )
        panels = [control_thumbnail(control, snapshot.held, snapshot.on_grid, size) for snapshot in snapshots]
        row = films.add_captions(side_by_side(*panels), tuple(names))
        shown = films.stack_vertically(row, films.plot_skill(curves, snapshots[0].done, row.width))
        yield from [shown] * films.HOLD_FRAMES
    if shown is not None:
        yield from [shown] * films.FINAL_FRAMES


def _print(control: "Control", fits: "list[FitResult]", out: Path, *, as_json: bool) -> None:
    from challenge.training.comparison import format_skill  # noqa: PLC0415

    if as_json:
        figures: list[dict[str, Any]] = [
            {
                "kind": one.name,
                "skill": one.snapshots[-1].skill,
                "parameters": one.parameters,
                "seconds": one.seconds,
            }
            for one in fits
        ]
        click.echo(json.dumps({"data": control.name, "film": str(out), "fits": figures}))
        return
    click.echo(f"{control.name}, {control.in_features} -> {control.out_features}")
    for one in sorted(fits, key=lambda one: -one.snapshots[-1].skill):
        skill = format_skill(control, one.snapshots[-1].skill)
        click.echo(f"  {one.name:<20}{skill:<18}{one.parameters:>12,} parameters  {one.seconds:6.1f} s")
    click.echo(f"Wrote {out} ({out.stat().st_size:,} bytes).")
