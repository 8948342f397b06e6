"""`mbc pack`: make the bundle of a submission."""

from pathlib import Path

import click

from challenge.commands.cli_errors import told


@click.command(epilog="Example: mbc pack mine -o mine.zip")
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.option("-o", "--out", type=click.Path(path_type=Path, dir_okay=False),
              help="The zip file.  [default: DIR.zip in the present directory]")  # fmt: skip
def pack(directory: Path, out: Path | None) -> None:
    """Check the submission in DIR and make the one file that is handed in.

    A .pt state dict is converted to weights.safetensors where there is none, loading weights only.
    """
    if not directory.is_dir():
        raise click.BadParameter(f"{directory} is not a directory.", param_hint="DIR")
    from challenge.bundle.reader import pack as make  # noqa: PLC0415 - help comes at once

    with told():
        for sentence in make(directory, out or Path(f"{directory.resolve().name}.zip")):
            click.echo(sentence)
