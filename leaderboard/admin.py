"""`mbc admin`: users, tokens, seasons, judging again, verdicts, export. It works on the database itself."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from leaderboard import db
from leaderboard.config import Config
from leaderboard.errors import Refused, not_found
from leaderboard.models import Evaluation, ReportRow, Token
from leaderboard.options import failed, storage_options
from leaderboard.services import evaluations, seasons, standings, submissions, tokens


def _check_there(config: Config) -> None:
    if config.database.startswith("sqlite") and not Path(config.database.partition("///")[2]).exists():
        # An administrator who mistypes a directory must not get a new, empty leaderboard.
        raise Refused(
            404, "no_leaderboard", f"There is no leaderboard in {config.data}; name it with --data."
        )


@contextmanager
def opened(config: Config) -> Iterator[Session]:
    """A transaction on the leaderboard's database; one sentence and exit code 6 where it cannot be done."""
    try:
        _check_there(config)
        engine = db.make_engine(config.database)
        try:
            db.upgrade(engine)
            with db.make_sessions(engine).begin() as session:
                yield session
        finally:
            engine.dispose()
    except Refused as error:
        raise failed(error) from error
    except SQLAlchemyError as error:
        cause = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise failed(Refused(503, "database", f"The database cannot be used: {cause}.")) from error


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
    """People who hand in."""


@users.command("add")
@click.argument("name")
@click.pass_obj
def users_add(config: Config, name: str) -> None:
    """Add a user and show a token for them.

    Example: mbc admin users add ada
    """
    with opened(config) as session:
        secret = tokens.new_token(session, tokens.add_user(session, name), "first")
    click.echo(f"Added {name}. Their token, shown this once:")
    click.echo(secret)


@admin.group("tokens")
def token_commands() -> None:
    """What lets a person or a worker in."""


@token_commands.command("new")
@click.argument("name", required=False)
@click.option("--worker", is_flag=True, help="A token for an evaluator on another machine.")
@click.option("--label", default="", help="What it is for.")
@click.pass_obj
def tokens_new(config: Config, name: str | None, worker: bool, label: str) -> None:
    """Make a token for a user, or for a worker.

    Example: mbc admin tokens new ada
    """
    if worker == bool(name):
        raise click.UsageError("Give a user's name, or --worker.")
    with opened(config) as session:
        user = tokens.find_user(session, name) if name else None
        if name and user is None:
            raise Refused(
                404, "not_found", f"There is no user called {name}; `mbc admin users add {name}` adds one."
            )
        secret = tokens.new_token(session, user, label)
    click.echo(secret)


@token_commands.command("list")
@click.pass_obj
def tokens_list(config: Config) -> None:
    """List the tokens by their first letters.

    Example: mbc admin tokens list
    """
    with opened(config) as session:
        for token in session.scalars(select(Token).order_by(Token.id)):
            owner = token.user.name if token.user else "a worker"
            state = "revoked" if token.revoked_at else "valid"
            click.echo(f"{token.prefix}…  {state:8}{owner}  {token.label}")


@token_commands.command("revoke")
@click.argument("prefix")
@click.pass_obj
def tokens_revoke(config: Config, prefix: str) -> None:
    """Revoke the token that begins with PREFIX.

    Example: mbc admin tokens revoke mbc_x7Qf2k
    """
    with opened(config) as session:
        token = tokens.revoke(session, prefix)
    click.echo(f"Revoked {token.prefix}…")


@admin.group("seasons")
def season_commands() -> None:
    """The secrets from which the evaluation sets are drawn."""


@season_commands.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def seasons_list(config: Config, as_json: bool) -> None:
    """List the seasons.

    Example: mbc admin seasons list
    """
    with opened(config) as session:
        rows = [seasons.public(row) for row in seasons.list_seasons(session)]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        click.echo(f"{row['name']}  {row['state']}  {row['commitment']}")


@season_commands.command("open")
@click.argument("name")
@click.pass_obj
def seasons_open(config: Config, name: str) -> None:
    """Open a season with a fresh secret. The one before must be closed.

    Example: mbc admin seasons open spring
    """
    with opened(config) as session:
        row = seasons.open_season(session, config, name)
    click.echo(f"Opened {name}; SHA-256 of its secret: {row.commitment}")


@season_commands.command("close")
@click.argument("name")
@click.pass_obj
def seasons_close(config: Config, name: str) -> None:
    """Close a season and publish its secret.

    Example: mbc admin seasons close season-1
    """
    with opened(config) as session:
        row = seasons.close_season(session, name)
    click.echo(f"Closed {name}. Its secret, now public: {row.secret.hex()}")


@admin.command()
@click.argument("submission_id", type=int)
@click.option("--season", help="The season to judge it in.  [default: the open one]")
@click.pass_obj
def rejudge(config: Config, submission_id: int, season: str | None) -> None:
    """Judge a submission again. The old result stands until the new one is there, and is kept.

    Example: mbc admin rejudge 7 --season practice
    """
    with opened(config) as session:
        submission = submissions.get(session, submission_id)
        row = seasons.find_season(session, season) if season else seasons.current_season(session)
        if row is None:
            raise not_found("open season")
        evaluation = evaluations.queue_evaluation(session, submission, row)
        name = row.name
    # The serving process sends it at its next sweep.
    click.echo(f"Evaluation {evaluation.id} of submission {submission_id} is queued in {name}.")


@admin.command()
@click.argument("submission_id", type=int)
@click.option("--reason", required=True, help="A sentence that everybody can read.")
@click.pass_obj
def disqualify(config: Config, submission_id: int, reason: str) -> None:
    """Set a judged submission aside. Its figures stay, and it does not rank.

    Example: mbc admin disqualify 7 --reason "The weights were planted by hand."
    """
    with opened(config) as session:
        evaluation = submissions.latest(session, submissions.get(session, submission_id))
        if evaluation is None:
            raise not_found("evaluation")
        evaluations.disqualify(session, evaluation, reason)
    click.echo(f"Submission {submission_id} is disqualified.")


@admin.command()
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="A file.  [default: the terminal]"
)
@click.pass_obj
def export(config: Config, out: Path | None) -> None:
    """Write seasons, submissions, evaluations and reports as JSON, without open secrets or tokens.

    Example: mbc admin export --out board.json
    """
    with opened(config) as session:
        text = json.dumps(exported(session), allow_nan=False, indent=1)
    if out is None:
        click.echo(text)
        return
    try:
        out.write_text(text)
    except OSError as error:
        raise failed(Refused(507, "disk_full", f"{out} cannot be written: {error.strerror}.")) from error
    click.echo(f"Wrote {out} ({len(text):,} bytes).")


def exported(session: Session) -> dict[str, Any]:
    """Everything that may be public."""
    rows = session.scalars(select(Evaluation).order_by(Evaluation.id))
    return {
        "seasons": [seasons.public(row) for row in seasons.list_seasons(session)],
        "evaluations": [
            standings.Entry(row).to_dict()
            | {
                "season": row.season.name,
                "digest": row.submission.digest,
                "user": row.submission.user.name,
                "reason": row.reason,
                "sentence": row.sentence,
                "report": _report(session, row.id),
            }
            for row in rows
        ],
    }


def _report(session: Session, evaluation_id: int) -> Any:
    row = session.get(ReportRow, evaluation_id)
    return row and json.loads(row.body)
