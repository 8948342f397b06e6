"""`mbc train`: train a submission by its train.toml, with a live display."""

import math
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from challenge.bundle.train_config import Precision, Sampling
from challenge.commands.cli_errors import explain_errors, fail
from challenge.util import exit_codes

if TYPE_CHECKING:
    from challenge.training.trainer import Progress


@click.command(
    epilog="Examples: mbc train mine --seconds 60 | mbc train mine --steps 20000 --resume | "
    "mbc train mine --samples 1048576"
)
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--seconds",
    type=click.FloatRange(0.1),
    help="Train for this many seconds, whatever train.toml says; validation and pictures come on top.",
)
@click.option("--steps", type=click.IntRange(1), help="Train for this many optimiser steps.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="Seed of initial weights and points.")
@click.option(
    "--samples",
    type=click.IntRange(1, 10**9),
    help="Train on a fixed uniform sample of this many points instead of an endless stream.",
)
@click.option(
    "--sampling",
    type=click.Choice(get_args(Sampling)),
    help="How to draw points: like the judge's views, uniformly, or where the error is large.",
)
@click.option(
    "--precision",
    type=click.Choice(get_args(Precision)),
    help="Precision of matrix products in training; bfloat16 is faster on GPUs that support it.",
)
@click.option("--resume", is_flag=True, help="Continue the interrupted training of DIR.")
@click.option("--restart", is_flag=True, help="Start over although DIR has trained weights; both are kept.")
@click.option(
    "--tensorboard",
    "logs",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write loss, learning rate and octaves to this directory for TensorBoard.",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, or mps.")
@click.option(
    "--threads",
    type=click.IntRange(1, 1024),
    help="Threads of the optimiser.  [default: one less than the CPUs; that one draws points]",
)
def train(
    directory: Path,
    seconds: float | None,
    steps: int | None,
    seed: int | None,
    samples: int | None,
    sampling: Sampling | None,
    precision: Precision | None,
    resume: bool,
    restart: bool,
    logs: Path | None,
    device: str,
    threads: int | None,
) -> None:
    """Train the submission in DIR by its train.toml. Ctrl-C stops early and keeps the best weights so far.

    Writes weights.safetensors and frames/. model.py runs in this process. The octaves shown are estimated on
    a small validation set: `mbc score DIR` gives the real figure. A `fit` function in model.py is not called
    here; it is used for controls and on the samples track. With `trainer = "train.py"` in train.toml, the
    function `train(model, x, t, budget)` of train.py trains the model instead, on a fixed sample.

    Weights that are there already are kept as weights.earlier.safetensors; of them and the new ones, those
    that resolve more octaves are weights.safetensors in the end.
    """
    if resume and restart:
        raise click.UsageError("--resume and --restart exclude each other.")
    if not directory.is_dir():
        raise click.BadParameter(
            f"{directory} is not a directory; `mbc new {directory} --from mlp` makes one.", param_hint="DIR"
        )
    with explain_errors():
        from challenge.bundle.train_config import read_train_config  # noqa: PLC0415 - help comes at once

        recipe = read_train_config(directory).changed(
            steps=steps, seconds=seconds, seed=seed, samples=samples, sampling=sampling, precision=precision
        )
        import torch  # noqa: PLC0415 - takes seconds

        from challenge.bundle.renaming import keep_earlier  # noqa: PLC0415
        from challenge.training import checkpoint  # noqa: PLC0415
        from challenge.training.earlier_weights import (  # noqa: PLC0415
            WEIGHTS,
            measure_earlier,
            store_better,
        )
        from challenge.training.local_model import build_model  # noqa: PLC0415
        from challenge.training.own_training import train_by_own  # noqa: PLC0415
        from challenge.training.trainer import train_model  # noqa: PLC0415

        if device not in {"auto", "cpu", "cuda", "mps"}:
            raise click.BadParameter(
                f"must be auto, cpu, cuda or mps, not {device!r}.", param_hint="--device"
            )
        if device == "mps" and not torch.backends.mps.is_available():
            fail("This machine has no Apple GPU that torch can use; try --device cpu.", exit_codes.FAILED)
        if device == "cuda" and not torch.cuda.is_available():
            fail("This machine has no CUDA device that torch can use; try --device cpu.", exit_codes.FAILED)
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        torch.set_num_threads(threads or max(1, (os.cpu_count() or 2) - 1))
        own = recipe.trainer == "train.py"
        if own and resume:
            raise click.UsageError("A train.py trains from scratch: --restart instead of --resume.")
        before = checkpoint.load(directory, recipe) if resume else None
        model = build_model(directory, seed=recipe.seed).to(device)
        earlier = measure_earlier(directory, model)
        if earlier is not None:
            if earlier.is_trained and not (resume or restart):
                fail(
                    f"{directory / WEIGHTS} holds a model of about {earlier.octaves:.2f} octaves. "
                    "--restart trains a new one and keeps this one; --resume continues a training.",
                    exit_codes.USAGE,
                )
            click.echo(
                f"The weights that are there are kept as {keep_earlier(directory / WEIGHTS)}.", err=True
            )
        with _display(recipe.steps) as report, _tensorboard(logs) as log:

            def show(now: "Progress") -> None:
                report(now)
                log(now)

            if own:
                result = train_by_own(model, recipe, directory, report=show)
            else:
                result = train_model(model, recipe, directory, before=before, report=show)
        now = result.progress
        path = store_better(
            directory,
            result,
            earlier,
            {"steps": str(now.step), "seconds": f"{now.seconds:.0f}", "device": device},
        )
    click.echo(
        f"{'Interrupted: kept' if result.interrupted else 'Wrote'} the best weights in {path} "
        f"({path.stat().st_size:,} bytes): about {result.octaves:.2f} octaves, after "
        f"{now.step:,} steps and {now.seconds:.0f} s."
    )
    if path.name != WEIGHTS and earlier is not None:
        click.echo(f"{WEIGHTS} stays as it was, with about {earlier.octaves:.2f} octaves.")
    if result.interrupted:
        click.echo(f"Continue with: mbc train {directory} --resume")


@contextmanager
def _tensorboard(logs: Path | None) -> Iterator[Callable[["Progress"], None]]:
    """A callback that writes scalars for TensorBoard; does nothing without a directory."""
    if logs is None:
        yield lambda _: None
        return
    try:
        from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415 - an optional extra
    except ImportError:
        fail("--tensorboard needs the package tensorboard: pip install tensorboard", exit_codes.FAILED)
    writer: Any = SummaryWriter(str(logs))

    def log(now: "Progress") -> None:
        for name, value in (
            ("loss", now.loss), ("learning rate", now.learning_rate),
            ("points per second", now.points_per_second), ("octaves", now.octaves),
        ):  # fmt: skip
            if math.isfinite(value):
                writer.add_scalar(name, value, now.step)

    try:
        yield log
    finally:
        writer.close()


@contextmanager
def _display(steps: int) -> Iterator[Callable[["Progress"], None]]:
    """A callback that shows progress: a bar on a terminal, else one line on stderr per validation."""
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
def _bar(steps: int, width: int | None = None) -> Iterator[Callable[["Progress"], None]]:
    """A bar with the time left, and as much of the figures as the terminal is wide."""
    from rich import progress as rich  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415 - only needed on a terminal
    from rich.table import Column  # noqa: PLC0415

    figures = Column(ratio=1, no_wrap=True, overflow="ellipsis")
    columns = (
        rich.BarColumn(bar_width=12),
        rich.TaskProgressColumn(),
        rich.TextColumn("{task.fields[left]}", table_column=Column(no_wrap=True)),
        rich.TextColumn("{task.description}", table_column=figures),
    )
    with rich.Progress(*columns, console=Console(stderr=True, width=width), expand=True) as bar:
        task = bar.add_task("drawing the first points", total=1.0, left="")

        def report(now: "Progress") -> None:
            seconds = now.seconds * (1 - now.done) / now.done if now.done else math.nan
            left = "" if math.isnan(seconds) else f"{seconds:.0f} s left"
            count = f"step {now.step:,}" + (f" of {steps:,}" if steps else "")
            bar.update(task, completed=now.done, left=left, description=f"{count}  {_line(now)}")

        yield report


def _line(now: "Progress") -> str:
    octaves = "-" if math.isnan(now.octaves) else f"{now.octaves:.2f}"
    improving = "" if now.improving is None else f" (octave {now.improving} still improves)"
    loss = "-" if math.isnan(now.loss) else f"{now.loss:.4f}"
    return (
        f"octaves {octaves}{improving}  loss {loss}  lr {now.learning_rate:.1e}  "
        f"{now.points_per_second / 1000:,.0f}k points/s"
    )
