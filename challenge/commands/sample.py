"""`mbc sample`: random samples of the target in a file."""

from pathlib import Path

import click

from challenge.commands.cli_errors import told
from challenge.util.atomic_files import replacing

MOST = 1_000_000_000


@click.command(epilog="Example: mbc sample -n 1_000_000 -o samples.npz")
@click.option("-n", "number", type=click.IntRange(1, MOST), default=1_000_000, show_default=True,
              help="How many points.")  # fmt: skip
@click.option("-o", "--out", type=click.Path(path_type=Path, dir_okay=False), default="samples.npz",
              show_default=True, help="Where to write them.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), help="The same seed draws the same points.")
def sample(number: int, out: Path, seed: int | None) -> None:
    """Write uniform random points of the base window and the target there.

    The file holds x (n, 2), unit coordinates in [-1, 1], and t (n,), the target in [0, 1], both float64.
    """
    if out.suffix != ".npz":
        raise click.BadParameter(
            f"{out} should end in .npz, the format it is written in.", param_hint="--out"
        )
    with told(), replacing(out) as partial, partial.open("wb") as stream:
        # Opened before the work, so that an unwritable place is found at once.
        import numpy as np  # noqa: PLC0415 - help comes at once
        from rich.console import Console  # noqa: PLC0415

        from challenge.training.sampling import sample as draw  # noqa: PLC0415

        with Console(stderr=True).status(f"Drawing {number:,} points"):
            x, t = draw(number, seed)
        np.savez(stream, x=x, t=t)
    click.echo(f"Wrote {number:,} points to {out} ({out.stat().st_size:,} bytes): x (n, 2) and t (n,).")
