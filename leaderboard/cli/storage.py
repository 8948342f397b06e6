"""`mbc admin storage`: where bundles and pictures are kept, and moving them elsewhere."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from leaderboard.cli.options import failed, json_option
from leaderboard.config import Config
from leaderboard.errors import Refused
from leaderboard.storage import Storage, open_storage, storage_of, transfer

_TOLD_EACH = 1000


@click.group()
def storage() -> None:
    """Where bundles and pictures are kept."""


@storage.command("show")
@json_option
@click.pass_obj
def show(config: Config, as_json: bool) -> None:
    """Say where bundles and pictures are kept, and how much they take.

    Example: mbc admin storage show
    """
    try:
        place = storage_of(config)
        rows = transfer.usage(place)
    except Refused as error:
        raise failed(error) from error
    if as_json:
        click.echo(json.dumps({"storage": place.name, "parts": [asdict(row) for row in rows]}))
        return
    click.echo(f"{place.name}:")
    for row in rows:
        click.echo(f"{row.files:>9,} {row.part:10}{row.bytes / 2**20:>12,.1f} MiB")


def _goal(config: Config, target: str) -> Storage:
    """Where everything is to be copied; Refused where that is where it is, or cannot be written."""
    goal = open_storage(target if "://" in target else str(Path(target).resolve()))
    if goal.name == storage_of(config).name:
        raise Refused(409, "storage_same", f"Everything is kept in {goal.name} already.")
    goal.check()
    return goal


@storage.command("move")
@click.argument("target")
@click.option("--verify", is_flag=True, help="Compare the content of what is there already, too.")
@click.option("--delete", is_flag=True, help="Delete the originals when everything has been copied.")
@click.pass_obj
def move(config: Config, target: str, verify: bool, delete: bool) -> None:
    """Copy bundles and pictures to TARGET: a folder, or a URL such as s3://bucket/prefix.

    It may be interrupted: started again, it copies what is missing. Let the board run meanwhile, stop it,
    start this again for what came in between, and start the board with MBC_BOARD_STORAGE=TARGET.

    Example: mbc admin --data /srv/board storage move s3://bucket/board
    """
    try:
        source, goal = storage_of(config), _goal(config, target)
        new = seen = size = 0
        keys = []
        for copied in transfer.copy_all(source, goal, verify_all=verify):
            seen, size, new = seen + 1, size + copied.file.size, new + copied.new
            keys.append(copied.file.key)
            if seen % _TOLD_EACH == 0:
                click.echo(f"{seen:,} files, {size / 2**20:,.0f} MiB", err=True)
        if delete:
            for key in keys:
                source.remove(key)
    except Refused as error:
        raise failed(error) from error
    click.echo(
        f"{goal.name} has all {seen:,} files ({size / 2**20:,.1f} MiB); {new:,} of them were copied now. "
        f"Start the board with MBC_BOARD_STORAGE={goal.name}."
    )
