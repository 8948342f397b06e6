"""`mbc new`: start a submission from a reference one."""

import contextlib
import getpass
import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from challenge.bundle.references import reference_folder, reference_kinds
from challenge.bundle.variants import VARIANT, borrowed_files
from challenge.commands.cli_errors import explain_errors
from challenge.commands.server_options import explain_server_errors, server_option

if TYPE_CHECKING:
    from challenge.bundle.manifest import Manifest

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
    help="A reference submission (--list names them), or the number of an entry.",
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
@server_option
def new(directory: Path, kind: str, *, with_weights: bool, author: str | None, server: str | None) -> None:
    """Start a submission in DIR with the code and the train.toml of the reference submission KIND.

    KIND can also be the number of an entry on a leaderboard whose licence lets it be passed on; the new
    submission then says what it builds on.
    """
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise click.BadParameter(
            f"{directory} exists already and is not empty; name a new directory.", param_hint="DIR"
        )
    if kind.isdecimal():
        _from_entry(
            directory, int(kind), server, with_weights=with_weights, author=author or default_author()
        )
        return
    known = reference_kinds()
    if kind not in known:
        raise click.BadParameter(
            f"there is no reference {kind!r}; there are {', '.join(known)}.", param_hint="--from"
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


@explain_server_errors
def _from_entry(directory: Path, number: int, server: str | None, *, with_weights: bool, author: str) -> None:
    """Start from a public entry: its files, and a manifest that names it."""
    from challenge.bundle.reader import read_bundle  # noqa: PLC0415 - help comes at once
    from challenge.commands.client import Account, Client  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="mbc-new-") as folder, Client(Account.find(server)) as client:
        archive = Path(folder) / f"{number}.zip"
        archive.write_bytes(client.bundle(number))
        with explain_errors():
            bundle = read_bundle(archive, trained=False)
            directory.mkdir(parents=True, exist_ok=True)
            for name, content in bundle.files.items():
                if name in ("README.md", "submission.toml") or name.startswith("frames/"):
                    continue
                if name not in _TRAINED_FILES or with_weights:
                    (directory / name).write_bytes(content)
            (directory / "submission.toml").write_text(
                _derived_manifest(bundle.manifest, directory.resolve().name, author, number), "utf-8"
            )
    click.echo(
        f"{directory} is a copy of {bundle.manifest.name} by {bundle.manifest.author}, and says so "
        f"(builds_on = {number}). Say in submission.toml what you change, then:"
    )
    click.echo(f"  mbc train {directory} --seconds 60 && mbc score {directory} --quick")


def _derived_manifest(parent: "Manifest", name: str, author: str, number: int) -> str:
    fields = {
        "name": name[:200],
        "author": author[:200],
        "description": f"Builds on {parent.name} by {parent.author}."[:2000],
        "license": parent.license,
        "method": parent.method,
    }
    lines = [f"{field} = {json.dumps(value, ensure_ascii=False)}" for field, value in fields.items() if value]
    return "\n".join(["api = 1", *lines, f"builds_on = {number}", ""])


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
    # A container's user without a name; a system without accounts (pwd).
    with contextlib.suppress(KeyError, OSError, ImportError):
        if (name := getpass.getuser()) not in _SHARED_LOGINS:
            return name
    return "somebody"
