"""`mbc pack`: pack a submission into a bundle."""

import json
from pathlib import Path

import click

from challenge.commands.cli_errors import explain_errors
from challenge.commands.quick_check import no_check_option, quick_check


@click.command(epilog="Example: mbc pack mine -o mine.zip")
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The zip file.  [default: DIR.zip in the current directory]",
)
@click.option("--entry", default="", metavar="NAME", help="Which state dict of a checkpoint with several.")
@click.option("--prefix", default="", metavar="NAME.", help="Which tensors, where several models lie in one.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@no_check_option
def pack(
    directory: Path, out: Path | None, entry: str, prefix: str, *, no_check: bool, as_json: bool
) -> None:
    """Check the submission in DIR and pack it into the one file that is submitted.

    If there is no weights.safetensors, the state dict of a checkpoint beside it (.pt, .pth, .ckpt, .bin) is
    converted, loading weights only; and again when the checkpoint has changed. Prefixes that torch.compile,
    DataParallel or Lightning add to the names are taken off. Then the model is loaded and asked a few points,
    as by `mbc check`.
    """
    if not directory.is_dir():
        raise click.BadParameter(f"{directory} is not a directory.", param_hint="DIR")
    from challenge.bundle.packer import pack as make  # noqa: PLC0415 - help comes at once
    from challenge.bundle.packer import update_weights  # noqa: PLC0415
    from challenge.bundle.reader import read_bundle  # noqa: PLC0415

    out = out or Path(f"{directory.resolve().name}.zip")
    with explain_errors(as_json=as_json):
        messages = update_weights(directory, entry=entry, prefix=prefix)
        read_bundle(directory)
    if not no_check:
        # Before anything is written: an archive that cannot be judged is none.
        quick_check(directory, as_json=as_json, mend=True)
    with explain_errors(as_json=as_json):
        messages += make(directory, out)
    click.echo(json.dumps({"archive": str(out), "notes": messages}) if as_json else "\n".join(messages))
