"""`mbc train`: train a submission by its recipe, and watch it learn."""

import math
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from challenge import exits
from challenge.commands.ending import fail, told

if TYPE_CHECKING:
    from challenge.trainer import Progress


@click.command(epilog="Example: mbc train mine --seconds 60")
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--seconds",
    type=click.FloatRange(0.1),
    help="Stop after so many of training, whatever train.toml says; pictures come on top.",
)
@click.option("--steps", type=click.IntRange(1), help="Stop after so many optimiser steps.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="Of initial weights and points.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
@click.option("--threads", type=click.IntRange(1, 1024),
              help="Of the optimiser.  [default: one less than processors: it draws points]")  # fmt: skip
def train(
    directory: Path,
    seconds: float | None,
    steps: int | None,
    seed: int | None,
    device: str,
    threads: int | None,
) -> None:
    """Train the submission in DIR by its train.toml; Ctrl-C ends it and keeps the best so far.

    Writes weights.safetensors and frames/. Your model.py runs in this process. The octaves shown are
    measured on a few chains of the trainer's own: `mbc score DIR` gives the real figure.
    """
    if not directory.is_dir():
        raise click.BadParameter(
            f"{directory} is not a directory; `mbc new {directory} --from mlp` makes one.", param_hint="DIR"
        )
    with told():
        from challenge.recipes import read_recipe  # noqa: PLC0415 - help comes at once

        recipe = read_recipe(directory).changed(steps=steps, seconds=seconds, seed=seed)
        import torch  # noqa: PLC0415 - takes seconds

        from challenge.local import build_model, save_weights  # noqa: PLC0415
        from challenge.trainer import fit  # noqa: PLC0415

        if device not in {"auto", "cpu", "cuda"}:
            raise click.BadParameter(f"must be auto, cpu or cuda, not {device!r}.", param_hint="--device")
        if device == "cuda" and not torch.cuda.is_available():
            fail("This machine has no CUDA device that torch can use; try --device cpu.", exits.FAILED)
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        torch.set_num_threads(threads or max(1, (os.cpu_count() or 2) - 1))
        model = build_model(directory, seed=recipe.seed).to(device)
        with _display(recipe.steps) as report:
            outcome = fit(model, recipe, directory, report=report)
        weights = directory / "weights.safetensors"
        save_weights(outcome.state, weights)
    click.echo(
        f"{'Interrupted: kept' if outcome.interrupted else 'Wrote'} the best weights in {weights} "
        f"({weights.stat().st_size:,} bytes): about {outcome.octaves:.2f} octaves, after "
        f"{outcome.progress.step:,} steps and {outcome.progress.seconds:.0f} s."
    )


@contextmanager
def _display(steps: int) -> Iterator[Callable[["Progress"], None]]:
    """A live bar on a terminal; else a line on stderr for every check."""
    if sys.stderr.isatty():
        with _bar(steps) as report:
            yield report
        return
    last = math.nan

    def lines(now: "Progress") -> None:
        nonlocal last
        if now.octaves != last and not math.isnan(now.octaves):
            last = now.octaves
            click.echo(f"{now.done:4.0%}  {_line(now)}", err=True)

    yield lines


@contextmanager
def _bar(steps: int) -> Iterator[Callable[["Progress"], None]]:
    from rich import progress as rich  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs it

    columns = (rich.BarColumn(), rich.TaskProgressColumn(), rich.TextColumn("{task.description}"))
    with rich.Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("drawing the first points", total=1.0)

        def report(now: "Progress") -> None:
            left = now.seconds * (1 - now.done) / now.done if now.done else math.nan
            ending = "" if math.isnan(left) else f"  {left:.0f} s left"
            count = f"step {now.step:,}" + (f" of {steps:,}" if steps else "")
            bar.update(task, completed=now.done, description=f"{count}  {_line(now)}{ending}")

        yield report


def _line(now: "Progress") -> str:
    octaves = "-" if math.isnan(now.octaves) else f"{now.octaves:.2f}"
    return (
        f"octaves {octaves}  loss {now.loss:.4f}  lr {now.learning_rate:.1e}  "
        f"{now.points_per_second / 1000:,.0f}k points/s"
    )
