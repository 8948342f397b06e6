"""`mbc new`: start a submission from a reference one."""

import contextlib
import getpass
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

import click

from challenge.bundle.references import reference_folder, reference_kinds
from challenge.bundle.variants import VARIANT, borrowed_files
from challenge.commands.cli_errors import explain_errors

# Accounts of machines and containers, not of people.
_SHARED_LOGINS: Final = frozenset(
    {"root", "admin", "user", "ubuntu", "debian", "ec2-user", "jovyan", "runner", "vscode", "codespace"}
)
_TRAINED_FILES: Final = ("weights.safetensors", "frames")


@click.command(epilog="Example: mbc new mine --from fourier")
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--from",
    "kind",
    metavar="KIND",
    default="mlp",
    show_default=True,
    help="A reference submission; --list names them.",
)
@click.option(
    "--list",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=lambda context, _, wanted: _list(context, wanted=wanted),
    help="List the reference submissions and exit.",
)
@click.option("--with-weights", is_flag=True, help="Also copy the weights and frames of the reference.")
@click.option("--author", help="Your name.  [default: Git's user.name, or your login]")
def new(directory: Path, kind: str, *, with_weights: bool, author: str | None) -> None:
    """Start a submission in DIR with the code and the train.toml of the reference submission KIND."""
    known = reference_kinds()
    if kind not in known:
        raise click.BadParameter(
            f"there is no reference {kind!r}; there are {', '.join(known)}.", param_hint="--from"
        )
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise click.BadParameter(
            f"{directory} exists already and is not empty; name a new directory.", param_hint="DIR"
        )
    source = reference_folder() / kind
    with explain_errors():
        directory.mkdir(parents=True, exist_ok=True)
        for path in sorted([*source.iterdir(), *borrowed_files(source).values()]):
            if path.name == VARIANT or (path.name in _TRAINED_FILES and not with_weights):
                continue
            if path.is_file() and path.name != "README.md":
                shutil.copyfile(path, directory / path.name)
            elif path.name == "frames":
                shutil.copytree(path, directory / "frames")
        manifest = directory / "submission.toml"
        text = manifest.read_text(encoding="utf-8")
        text = _set(text, "name", directory.resolve().name)
        manifest.write_text(_set(text, "author", author or default_author()), encoding="utf-8")
    if with_weights and not (directory / "weights.safetensors").exists():
        click.echo(f"The weights of {kind} are not part of this installation: train it.", err=True)
    click.echo(
        f"{directory} is a copy of the reference {kind!r}. "
        f"Fill in the author and the description in {manifest}, then:"
    )
    click.echo(f"  mbc train {directory} --seconds 60 && mbc score {directory} --quick")


def _list(context: click.Context, *, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        click.echo("\n".join(reference_kinds()))
        context.exit()


def _set(text: str, field: str, value: str) -> str:
    # A JSON string without surrogates is also a TOML string.
    line = f"{field} = {json.dumps(value[:200], ensure_ascii=False)}"
    return re.sub(rf"^{field} = .*$", lambda _: line, text, count=1, flags=re.MULTILINE)


def default_author() -> str:
    """The name that Git signs with, else the login unless that is nobody's name; else "somebody"."""
    with contextlib.suppress(OSError):
        asked = subprocess.run(["git", "config", "user.name"], capture_output=True, text=True, check=False)
        if name := asked.stdout.strip():
            return name
    with contextlib.suppress(KeyError, OSError):  # a container's user without a name
        if (name := getpass.getuser()) not in _SHARED_LOGINS:
            return name
    return "somebody"
