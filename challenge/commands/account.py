"""`mbc login`, `whoami` and `limits`: who you are on a leaderboard, and what you may submit."""

import json
import sys
from importlib.metadata import entry_points
from typing import Any

import click

from challenge.bundle.limits import WEIGHT_CLASSES
from challenge.commands.client import Account, Client
from challenge.commands.server_options import explain_server_errors, json_option, server_option
from challenge.util import exit_codes
from challenge.util.http import ServerError


@click.command(epilog="Example: mbc login --server https://board.example")
@server_option
@click.option("--token", help="Your token; without it you are asked, and what you type is not shown.")
@explain_server_errors
def login(server: str | None, token: str | None) -> None:
    """Store a leaderboard's address and your token for it, after verifying the token."""
    account = Account.find(server)
    if not token:
        token = click.prompt(f"Token for {account.server}", hide_input=True, err=True)
    account = Account(account.server, str(token).strip())
    with Client(account) as client:
        user = client.whoami()
    try:
        path = account.remember()
    except OSError as error:
        click.echo(f"error: The account cannot be stored: {error}.", err=True)
        sys.exit(exit_codes.FAILED)
    click.echo(f"You are {user.get('name')} at {account.server}; stored in {path}.")


@click.command(epilog="Example: mbc whoami")
@server_option
@json_option
@explain_server_errors
def whoami(server: str | None, *, as_json: bool) -> None:
    """Show the user that your token belongs to."""
    account = Account.find(server)
    with Client(account) as client:
        user = client.whoami()
    click.echo(json.dumps(user) if as_json else f"{user.get('name')} at {account.server}")


@click.command(epilog="Example: mbc limits --json")
@server_option
@json_option
@explain_server_errors
def limits(server: str | None, *, as_json: bool) -> None:
    """Show the limits of a bundle, of your submissions, and of a submission's process on this machine.

    Without a leaderboard, only the limits of this machine are shown.
    """
    account = Account.find(server)
    try:
        with Client(account) as client:
            values = client.limits()
    except ServerError as error:
        if error.status:
            raise
        click.echo(f"Only the limits of this machine: {error}", err=True)
        values = {}
    # This package does not import the evaluator: an installed one registers its limits as an entry point.
    for point in entry_points(group="mbc.limits"):
        values[point.name] = point.load()()
    if as_json:
        click.echo(json.dumps(values))
        return
    for name, value in _flatten(values):
        click.echo(f"{name:>36}  {_format(value)}")


def _format(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}"


def _flatten(values: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Nested tables as rows of (label, value)."""
    rows: list[tuple[str, Any]] = []
    for name, value in values.items():
        label = f"{prefix}{name.replace('_', ' ')}"
        if isinstance(value, dict):
            rows += _flatten(_sorted_by_size(value), f"{label}: ")
        elif value is not None:
            rows.append((label, value))
    return rows


def _sorted_by_size(values: dict[str, Any]) -> dict[str, Any]:
    """Weight classes from the smallest on (a server's JSON is sorted by name); other tables unchanged."""
    if values and all(name in WEIGHT_CLASSES for name in values):
        return dict(sorted(values.items(), key=lambda item: item[1]))
    return values
