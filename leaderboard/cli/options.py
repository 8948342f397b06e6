"""What the leaderboard's commands share."""

from pathlib import Path
from typing import Any

import click

from challenge.util.exit_codes import SERVER
from leaderboard.errors import Refused

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def storage_options(command: Any) -> Any:
    """The options that name a leaderboard: its data directory and its database."""
    for option in (
        click.option(
            "--database",
            envvar="MBC_DATABASE",
            help="SQLAlchemy URL of the database.  [default: SQLite in the data directory]",
        ),
        click.option(
            "--data",
            type=click.Path(path_type=Path, file_okay=False),
            envvar="MBC_DATA",
            default=Path("var"),
            show_default=True,
            help="Directory of everything that this leaderboard keeps.",
        ),
    ):
        command = option(command)
    return command


def failed(error: Refused) -> SystemExit:
    """One clear sentence, and the exit code for servers."""
    click.echo(f"error: {error.message}{' ' if error.help else ''}{error.help}", err=True)
    return SystemExit(SERVER)
