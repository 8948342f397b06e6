"""`mbc adopt`: make a submission's directory from a model that was trained elsewhere."""

from pathlib import Path

import click

from challenge.commands.cli_errors import explain_errors
from challenge.commands.new import default_author
from challenge.commands.quick_check import no_check_option, quick_check


@click.command(
    epilog="Examples: mbc adopt model.pt --as mine --code net.py:Net | "
    "mbc adopt last.ckpt --as mine --code net.py:Net --entry ema"
)
@click.argument("checkpoint", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--as",
    "directory",
    metavar="DIR",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="The directory to make.",
)
@click.option(
    "--code",
    metavar="FILE.py:NAME",
    help="Source of the model: a class or a function in a file, like net.py:Net.",
)
@click.option("--entry", default="", metavar="NAME", help="Which state dict of a checkpoint with several.")
@click.option("--prefix", default="", metavar="NAME.", help="Which tensors, where several models lie in one.")
@click.option("--name", help="Name of the submission.  [default: the directory's]")
@click.option("--author", help="Your name.  [default: Git's user.name, or your login]")
@no_check_option
def adopt(
    checkpoint: Path,
    directory: Path,
    code: str | None,
    entry: str,
    prefix: str,
    name: str | None,
    author: str | None,
    *,
    no_check: bool,
) -> None:
    """Make the directory DIR from a trained model in FILE (.pt, .pth, .ckpt, .bin or .safetensors).

    The state dict is found, loading weights only, and prefixes of torch.compile, DataParallel and Lightning
    are taken off. With --code, model.py is written from the class's source: its constructor gets the number
    of inputs and of outputs where it takes them, and its own defaults. Nothing in DIR is overwritten.
    """
    if not checkpoint.is_file():
        raise click.BadParameter(f"there is no file {checkpoint}.", param_hint="FILE")
    from challenge.bundle.adoption import adopt as make  # noqa: PLC0415 - torch takes seconds

    with explain_errors():
        try:
            done = make(
                checkpoint,
                directory,
                code=code,
                entry=entry,
                prefix=prefix,
                name=name or directory.resolve().name,
                author=author or default_author(),
            )
        except ValueError as problem:
            raise click.UsageError(f"{problem}.") from problem
        for sentence in done.notes:
            click.echo(sentence)
    if done.is_whole and not no_check:
        quick_check(directory, mend=True)
    if done.is_whole:
        click.echo(f"Next: mbc score {directory} --quick")
