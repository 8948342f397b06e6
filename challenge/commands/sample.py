"""`mbc sample`: write random samples of the target to a file."""

from pathlib import Path

import click

from challenge.commands.cli_errors import explain_errors
from challenge.util.atomic_files import atomic_write

MAX_POINTS = 1_000_000_000


@click.command(epilog="Example: mbc sample -n 1_000_000 -o samples.npz")
@click.option(
    "-n",
    "number",
    type=click.IntRange(1, MAX_POINTS),
    default=1_000_000,
    show_default=True,
    help="Number of points.",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default="samples.npz",
    show_default=True,
    help="The file to write.",
)
@click.option("--seed", type=click.IntRange(0), help="Seed; the same seed draws the same points.")
def sample(number: int, out: Path, seed: int | None) -> None:
    """Write uniform random points of the base window with their target values.

    The file holds x (n, 2), unit coordinates in [-1, 1], and t (n,), the target in [0, 1], both float64.
    """
    if out.suffix != ".npz":
        raise click.BadParameter(f"{out} should end in .npz, the format of the file.", param_hint="--out")
    with explain_errors(), atomic_write(out) as partial, partial.open("wb") as stream:
        # The file is opened before the work, so that an unwritable path is found at once.
        import numpy as np  # noqa: PLC0415 - help comes at once
        from rich.console import Console  # noqa: PLC0415

        from challenge.training.sampling import sample as draw  # noqa: PLC0415

        with Console(stderr=True).status(f"Drawing {number:,} points"):
            x, t = draw(number, seed)
        np.savez(stream, x=x, t=t)
    click.echo(f"Wrote {number:,} points to {out} ({out.stat().st_size:,} bytes): x (n, 2) and t (n,).")
