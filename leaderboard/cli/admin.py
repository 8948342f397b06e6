"""`mbc admin`: users, tokens, seasons; entries in their own module. It works on the database itself."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session

from challenge.scoring.tracks import BUDGETS
from leaderboard.cli import judging, moderation, operation
from leaderboard.cli.database import actor, opened
from leaderboard.cli.options import json_option, storage_options
from leaderboard.cli.restore import restore
from leaderboard.cli.storage import storage
from leaderboard.config import Config
from leaderboard.errors import Refused
from leaderboard.models import User
from leaderboard.services import audit, people, seasons, tokens


@click.group()
@storage_options
@click.pass_context
def admin(context: click.Context, data: Path, database: str | None) -> None:
    """Look after users, tokens, seasons and verdicts of a leaderboard.

    Example: mbc admin --data /srv/mandelbrot tokens new ada
    """
    context.obj = Config.make(data, database)


@admin.group()
def users() -> None:
    """People who submit."""


@users.command("add")
@click.argument("name")
@click.pass_obj
def users_add(config: Config, name: str) -> None:
    """Add a user and show a token for them.

    Example: mbc admin users add ada
    """
    with opened(config) as session:
        secret = tokens.new_token(session, tokens.add_user(session, name), "first")
        audit.record(session, actor(), "add user", f"user {name}")
    click.echo(f"Added {name}. Their token, shown this once:")
    click.echo(secret)


@users.command("list")
@json_option
@click.pass_obj
def users_list(config: Config, as_json: bool) -> None:
    """List the users, with how much they have submitted.

    Example: mbc admin users list --json
    """
    with opened(config) as session:
        rows = [found.to_dict() for found in people.list_users(session)]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        way = f"signs in with {row['signs_in_with']}"
        click.echo(f"{row['id']:>5}  {row['name']}  {row['submissions']} submitted, {way}")


@users.command("password")
@click.argument("name")
@click.option("--password", prompt=True, hide_input=True, confirmation_prompt=True, help="Asked for, unseen.")
@click.pass_obj
def users_password(config: Config, name: str, password: str) -> None:
    """Set somebody's password, who has lost theirs; they are signed out everywhere.

    Example: mbc admin users password ada
    """
    with opened(config) as session:
        people.set_password(session, _user(session, name), password)
        audit.record(session, actor(), "set password", f"user {name}")
    click.echo(f"{name} has a new password.")


@users.command("role")
@click.argument("name")
@click.option("--administrator/--no-administrator", required=True, help="May use the page /admin.")
@click.pass_obj
def users_role(config: Config, name: str, *, administrator: bool) -> None:
    """Let somebody see the queue, workers, faults, people and storage on the board's page /admin, or not.

    Example: mbc admin users role ada --administrator
    """
    with opened(config) as session:
        people.set_administrator(session, _user(session, name), administrator=administrator)
        audit.record(session, actor(), "role", f"user {name}", "administrator" if administrator else "none")
    click.echo(f"{name} is {'an' if administrator else 'no'} administrator.")


@users.command("rename")
@click.argument("name")
@click.argument("new")
@click.pass_obj
def users_rename(config: Config, name: str, new: str) -> None:
    """Give a person another name; their entries, tokens and password stay theirs.

    Example: mbc admin users rename mallory "mal lory"
    """
    with opened(config) as session:
        user = _user(session, name)
        user.name = people.checked_name(session, new)
        audit.record(session, actor(), "rename", f"user {name}", f"is {user.name}")
        shown = user.name
    click.echo(f"{name} is called {shown}.")


@users.command("ban")
@click.argument("name")
@click.option("--reason", required=True, help="Kept in the audit log.")
@click.option("--lift", is_flag=True, help="Let them in again.")
@click.pass_obj
def users_ban(config: Config, name: str, reason: str, lift: bool) -> None:
    """Close somebody's account to them: no signing in, no tokens. Their entries stay; `hide` hides one.

    Example: mbc admin users ban mallory --reason "Attacked the judge."
    """
    with opened(config) as session:
        people.ban(session, _user(session, name), banned=not lift)
        audit.record(session, actor(), "lift ban" if lift else "ban", f"user {name}", reason)
    click.echo(f"{name} is {'no longer banned' if lift else 'banned'}.")


def _user(session: Session, name: str) -> User:
    user = tokens.find_user(session, name)
    if user is None:
        raise Refused(
            404, "not_found", f"There is no user called {name}; `mbc admin users add {name}` adds one."
        )
    return user


@admin.group("tokens")
def token_commands() -> None:
    """What lets a person or a worker in."""


@token_commands.command("new")
@click.argument("name", required=False)
@click.option("--worker", is_flag=True, help="A token for an evaluator on another machine.")
@click.option("--label", default="", help="What it is for.")
@click.option("--days", type=click.IntRange(1), help="When it expires.  [default: never]")
@click.pass_obj
def tokens_new(config: Config, name: str | None, worker: bool, label: str, days: int | None) -> None:
    """Make a token for a user, or for a worker.

    Example: mbc admin tokens new ada
    """
    if worker == bool(name):
        raise click.UsageError("Give a user's name, or --worker.")
    with opened(config) as session:
        secret = tokens.new_token(session, _user(session, name) if name else None, label, days=days)
        audit.record(session, actor(), "new token", f"user {name}" if name else "a worker", secret[:10])
    click.echo(secret)


@token_commands.command("list")
@json_option
@click.pass_obj
def tokens_list(config: Config, as_json: bool) -> None:
    """List the tokens by their first letters.

    Example: mbc admin tokens list --json
    """
    with opened(config) as session:
        rows = [tokens.to_dict(token) for token in tokens.list_all(session)]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        state = "valid" if row["valid"] else "invalid"
        until = f", until {row['expires_at']}" if row["expires_at"] else ""
        click.echo(f"{row['prefix']}…  {state:8}{row['user'] or 'a worker'}{until}  {row['label']}")


@token_commands.command("revoke")
@click.argument("prefix")
@click.pass_obj
def tokens_revoke(config: Config, prefix: str) -> None:
    """Revoke the token that begins with PREFIX.

    Example: mbc admin tokens revoke mbc_x7Qf2k
    """
    with opened(config) as session:
        token = tokens.revoke(session, prefix)
        audit.record(
            session, actor(), "revoke token", token.user.name if token.user else "a worker", token.prefix
        )
    click.echo(f"Revoked {token.prefix}…")


@admin.group("seasons")
def season_commands() -> None:
    """The secrets from which the evaluation sets are drawn."""


@season_commands.command("list")
@json_option
@click.pass_obj
def seasons_list(config: Config, as_json: bool) -> None:
    """List the seasons.

    Example: mbc admin seasons list
    """
    with opened(config) as session:
        rows = [seasons.to_public_dict(row) for row in seasons.list_seasons(session)]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        click.echo(f"{row['name']}  {row['state']}  {row['commitment']}")


class Moment(click.ParamType[datetime]):
    """A date and time, in UTC where it names no zone."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """ISO 8601."""
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no moment such as 2027-03-01T18:00.", param, ctx)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


@season_commands.command("open")
@click.argument("name")
@click.option("--opens", type=Moment(), help="When it opens, UTC.  [default: now]")
@click.option("--closes", type=Moment(), help="When it closes, UTC.  [default: when you close it]")
@click.option(
    "--judged-on", type=click.Choice(list(BUDGETS)), default=None, help="Class of machine.  [default: any]"
)
@click.pass_obj
def seasons_open(
    config: Config, name: str, opens: datetime | None, closes: datetime | None, judged_on: str | None
) -> None:
    """Open a season with a fresh secret, now or at a date. A bundle belongs to the season of its moment.

    Example: mbc admin seasons open spring --opens 2027-03-01 --closes 2027-06-01T18:00
    """
    with opened(config) as session:
        row = seasons.open_season(
            session, config, name, opens_at=opens, closes_at=closes, judged_on=judged_on or ""
        )
        audit.record(session, actor(), "open season", name)
        what = f"{name} opens at {row.opens_at:%Y-%m-%d %H:%M} UTC" if row.opens_at else f"Opened {name}"
        if row.closes_at:
            what += f", until {row.closes_at:%Y-%m-%d %H:%M} UTC"
    click.echo(f"{what}; SHA-256 of its secret: {row.commitment}")


@season_commands.command("close")
@click.argument("name")
@click.pass_obj
def seasons_close(config: Config, name: str) -> None:
    """Close a season. Its secret is published when everything that was submitted has its verdict.

    Example: mbc admin seasons close season-1
    """
    with opened(config) as session:
        row = seasons.close_season(session, name)
        audit.record(session, actor(), "close season", name)
        count = seasons.waiting(session, row)
    if row.revealed:
        click.echo(f"Closed {name}. Its secret, now public: {row.secret.hex()}")
    else:
        click.echo(f"Closed {name}. {count} evaluations wait; its secret is published after their verdicts.")


for command in (*moderation.COMMANDS, *judging.COMMANDS, *operation.COMMANDS, restore, storage):
    admin.add_command(command)
