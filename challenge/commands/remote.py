"""The commands of `mbc` that talk to a leaderboard."""

import json
import sys
import tempfile
import time
from collections.abc import Callable
from functools import wraps
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final

import click

from challenge.bundle.reader import WEIGHT_CLASSES, Bundle, pack, read_bundle
from challenge.commands.client import Account, Client, ServerError, Standing
from challenge.results.verdicts import EvaluationError, Reason, Status
from challenge.scoring.tracks import BUDGETS, CPU, Track
from challenge.util import exit_codes

LOOK_SECONDS: Final = 1.0
# A server that is restarted is back within this time; the evaluation goes on meanwhile.
PATIENCE_SECONDS: Final = 60.0

_TRACKS: Final = [track.value for track in Track]
_CODES: Final = {
    Status.SCORED: exit_codes.OK,
    Status.REJECTED: exit_codes.REJECTED,
    Status.DISQUALIFIED: exit_codes.REJECTED,
    Status.FAILED: exit_codes.FAILED,
    Status.CANCELLED: exit_codes.FAILED,
}

server_option = click.option(
    "--server", help="Address of the leaderboard.  [default: the one of `mbc login`, or $MBC_SERVER]"
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def _told(command: Callable[..., None]) -> Callable[..., None]:
    """Turn a ServerError into its sentence and exit code."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except ServerError as error:
            click.echo(f"error: {error}", err=True)
            refused = error.status == 422 and error.code in {reason.value for reason in Reason}
            sys.exit(exit_codes.BUNDLE_INVALID if refused else exit_codes.SERVER)

    return run


@click.command(epilog="Example: mbc login --server https://board.example")
@server_option
@click.option("--token", help="Your token; asked for, unseen, where it is not given.")
@_told
def login(server: str | None, token: str | None) -> None:
    """Remember a leaderboard and your token for it, after asking the leaderboard whose it is."""
    account = Account.find(server)
    if not token:
        token = click.prompt(f"Token for {account.server}", hide_input=True, err=True)
    account = Account(account.server, str(token).strip())
    with Client(account) as client:
        who = client.whoami()
    try:
        path = account.remember()
    except OSError as error:
        click.echo(f"error: The account cannot be remembered: {error}.", err=True)
        sys.exit(exit_codes.FAILED)
    click.echo(f"You are {who.get('name')} at {account.server}; remembered in {path}.")


@click.command(epilog="Example: mbc whoami")
@server_option
@json_option
@_told
def whoami(server: str | None, *, as_json: bool) -> None:
    """Say whom the leaderboard takes you for."""
    account = Account.find(server)
    with Client(account) as client:
        who = client.whoami()
    click.echo(json.dumps(who) if as_json else f"{who.get('name')} at {account.server}")


@click.command(epilog="Example: mbc submit mine.zip")
@click.argument("path", type=click.Path(path_type=Path, exists=True))
@click.option("--no-wait", is_flag=True, help="Hand it in and leave; `mbc status ID` says how it stands.")
@click.option(
    "--track",
    type=click.Choice([*_TRACKS, "both"]),
    default="both",
    show_default=True,
    help="open: with the weights that it brings. samples: learned from scratch while the judge watches.",
)
@server_option
@json_option
@_told
def submit(path: Path, *, no_wait: bool, track: str, server: str | None, as_json: bool) -> None:
    """Hand in the bundle at PATH (a zip, or a directory to be packed), and follow it to its verdict.

    On both tracks that is the open track's; the samples track takes minutes, and `mbc status ID --wait`
    follows it there. Ctrl-C leaves it with the leaderboard; the evaluation goes on.
    """
    with tempfile.TemporaryDirectory(prefix="mbc-submit-") as folder, Client(Account.find(server)) as client:
        bundle, archive = _archive(path, Path(folder), trained=track != Track.SAMPLES.value)
        click.echo(f"Handing in {bundle.manifest.name} ({archive.stat().st_size:,} bytes) ...", err=True)
        standing = client.submit(archive, track)
        if track != "both":
            # It may be on the other one since an earlier day.
            standing = standing.on(track) or standing
        click.echo(f"It is number {standing.id}: {standing.url}", err=True)
        if not no_wait:
            try:
                standing = _follow(client, standing)
            except KeyboardInterrupt:
                click.echo(f"\nIt goes on without you: mbc status {standing.id}", err=True)
                sys.exit(130)
    _show(standing, as_json=as_json)


@click.command(epilog="Example: mbc status 7 --wait")
@click.argument("submission_id", metavar="ID", type=click.IntRange(1))
@click.option("--wait", is_flag=True, help="Follow it to its verdict, on each track that it is on.")
@server_option
@json_option
@_told
def status(submission_id: int, *, wait: bool, server: str | None, as_json: bool) -> None:
    """Say how submission ID stands, on each track that it is on."""
    with Client(Account.find(server)) as client:
        standing = client.standing(submission_id)
        for one in standing.tracks if wait else []:
            standing = _follow(client, one)
        standing = standing.tracks[0] if standing.tracks else standing
    _show(standing, as_json=as_json)


@click.command(epilog="Example: mbc cancel 7")
@click.argument("submission_id", metavar="ID", type=click.IntRange(1))
@click.option("--track", type=click.Choice(_TRACKS), help="From this track alone.  [default: from both]")
@server_option
@json_option
@_told
def cancel(submission_id: int, track: str | None, server: str | None, *, as_json: bool) -> None:
    """Take back submission ID, if it is yours and not judged yet."""
    with Client(Account.find(server)) as client:
        standing = client.cancel(submission_id, track)
        standing = (standing.on(track) if track else None) or standing
    click.echo(json.dumps(standing.values) if as_json else f"Submission {standing.id} is {standing.status}.")


@click.command(epilog="Example: mbc board --json | jq '.entries[0]'")
@click.option("--season", help="A season's name.  [default: the open one]")
@click.option("--page", type=click.IntRange(1), default=1, show_default=True, help="A hundred entries each.")
@click.option("--track", type=click.Choice(_TRACKS), default=_TRACKS[0], show_default=True)
@click.option(
    "--machine",
    type=click.Choice(list(BUDGETS)),
    default=CPU,
    show_default=True,
    help="Samples track: class.",
)
@server_option
@json_option
@_told
def board(
    season: str | None, page: int, track: str, machine: str, server: str | None, *, as_json: bool
) -> None:
    """Show the board of a season, on the open track or on the samples track."""
    watched = {"track": track, "machine": machine} if track == Track.SAMPLES.value else {}
    with Client(Account.find(server)) as client:
        values = client.board(season, page, **watched)
    if as_json:
        click.echo(json.dumps(values))
        return
    from challenge.commands.tables import print_board  # noqa: PLC0415 - rich takes its time

    print_board(values)


@click.command(epilog="Example: mbc limits --json")
@server_option
@json_option
@_told
def limits(server: str | None, *, as_json: bool) -> None:
    """Show what a bundle may hold and you may hand in, and what a submission's process may take, here.

    Without a leaderboard, the limits that hold on this machine are shown alone.
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
    # An evaluator that is installed beside us brings its own; this package does not know it.
    for point in entry_points(group="mbc.limits"):
        values[point.name] = point.load()()
    if as_json:
        click.echo(json.dumps(values))
        return
    for name, value in _flat(values):
        click.echo(f"{name:>36}  {_written(value)}")


def _written(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}"


def _flat(values: dict[str, Any], before: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for name, value in values.items():
        words = f"{before}{name.replace('_', ' ')}"
        if isinstance(value, dict):
            rows += _flat(_ordered(value), f"{words}: ")
        elif value is not None:
            rows.append((words, value))
    return rows


def _ordered(values: dict[str, Any]) -> dict[str, Any]:
    """By size, where all are numbers of one kind: JSON may come in any order."""
    if values and all(name in WEIGHT_CLASSES for name in values):
        return dict(sorted(values.items(), key=lambda item: item[1]))
    return values


def _archive(path: Path, folder: Path, *, trained: bool) -> tuple[Bundle, Path]:
    """The bundle, checked here before it travels, and its zip file."""
    try:
        if path.is_dir():
            archive = folder / f"{path.resolve().name}.zip"
            for sentence in pack(path, archive, trained=trained):
                click.echo(sentence, err=True)
            path = archive
        return read_bundle(path, trained=trained), path
    except EvaluationError as error:
        click.echo(f"error: {error.sentence}", err=True)
        sys.exit(exit_codes.BUNDLE_INVALID)


def _follow(client: Client, standing: Standing) -> Standing:
    """Look again and again until the verdict is there; a bar on stderr, if that is a terminal."""
    from rich.console import Console  # noqa: PLC0415 - takes its time
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (
        TextColumn("{task.fields[status]:>10}"),
        BarColumn(),
        TextColumn("{task.description}", markup=False),
        TimeElapsedColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not sys.stderr.isatty(), transient=True) as bar:
        task = bar.add_task("", total=1.0, status="")
        answered = time.monotonic()
        while not standing.final:
            bar.update(
                task, completed=standing.progress, description=standing.news, status=standing.status.value
            )
            time.sleep(LOOK_SECONDS)
            try:
                standing = client.standing(standing.id).on(standing.track) or standing
                answered = time.monotonic()
            except ServerError as error:
                gone = error.status == 0 or error.status >= 500
                if not gone or time.monotonic() - answered > PATIENCE_SECONDS:
                    raise
    return standing


def _show(standing: Standing, *, as_json: bool) -> None:
    """How it stands, and the exit code of that."""
    if as_json:
        click.echo(json.dumps(standing.values))
    else:
        others = [one for one in standing.tracks if one.track != standing.track]
        lines = [*_lines(standing), *(line for one in others for line in _lines(one))]
        if others and not all(one.final for one in others):
            lines.append(f"  mbc status {standing.id} --wait")
        click.echo("\n".join([*lines, *([f"  {standing.url}"] if standing.url else [])]))
    sys.exit(_CODES.get(standing.status, exit_codes.OK))


def _lines(standing: Standing) -> list[str]:
    values = standing.values
    track = " on the samples track" if standing.track == Track.SAMPLES.value else ""
    lines = [f"{values.get('name')} by {values.get('author')}{track}: {standing.status}"]
    if not standing.final and standing.news:
        lines[0] += f" ({standing.news})"
    if values.get("flagged"):
        lines[0] += ", flagged for a person to look at"
    if values.get("sentence"):
        lines.append(f"  {values['sentence']}")
    if values.get("octaves") is not None:
        low, high = values.get("interval") or (float("nan"), float("nan"))
        measured = f"{values['octaves']:.4f} octaves (95 %: {low:.2f} to {high:.2f})"
        lines.append(f"  {measured} in season {values.get('season')}")
    return lines
