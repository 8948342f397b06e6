"""`mbc submit`, `status`, `cancel`, `certify` and `board`: submissions on a leaderboard."""

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import click

from challenge.bundle.packer import pack, update_weights
from challenge.bundle.reader import Bundle, read_bundle
from challenge.commands.client import Account, Client, SubmissionStatus
from challenge.commands.quick_check import no_check_option, quick_check
from challenge.commands.server_options import explain_server_errors, json_option, server_option
from challenge.results.refusals import as_text
from challenge.results.verdicts import EXPLANATIONS, EvaluationError, Reason, Status
from challenge.scoring.tracks import BUDGETS, CPU, Track
from challenge.util import exit_codes
from challenge.util.http import RetryPolicy

POLL_SECONDS: Final = 1.0
# How long a server may be unreachable while a submission is followed; evaluations survive a restart.
OUTAGE: Final = RetryPolicy(patience_seconds=60.0)

_TRACKS: Final = [track.value for track in Track]
_EXIT_CODES: Final = {
    Status.SCORED: exit_codes.OK,
    Status.REJECTED: exit_codes.REJECTED,
    Status.DISQUALIFIED: exit_codes.REJECTED,
    Status.FAILED: exit_codes.FAILED,
    Status.CANCELLED: exit_codes.FAILED,
}


@click.command(epilog="Example: mbc submit mine.zip")
@click.argument("path", type=click.Path(path_type=Path, exists=True))
@click.option("--no-wait", is_flag=True, help="Submit and return; `mbc status ID` shows the progress.")
@click.option(
    "--track",
    type=click.Choice([*_TRACKS, "both"]),
    default="both",
    show_default=True,
    help="open: with the weights in the bundle. samples: trained from scratch by the judge.",
)
@no_check_option
@server_option
@json_option
@explain_server_errors
def submit(
    path: Path, *, no_wait: bool, track: str, no_check: bool, server: str | None, as_json: bool
) -> None:
    """Submit the bundle at PATH (a zip, or a directory to be packed) and follow its evaluation.

    With both tracks, the open track is followed. The samples track takes minutes longer:
    `mbc status ID --wait` follows it. Ctrl-C stops following; the evaluation continues.
    """
    with tempfile.TemporaryDirectory(prefix="mbc-submit-") as folder, Client(Account.find(server)) as client:
        trained = track != Track.SAMPLES.value
        bundle, archive = _prepare(path, Path(folder), trained=trained, check=trained and not no_check)
        click.echo(f"Submitting {bundle.manifest.name} ({archive.stat().st_size:,} bytes) ...", err=True)
        current = client.submit(archive, track)
        if current.final:
            click.echo("The same bundle was submitted before; this is its verdict.", err=True)
        if track != "both":
            # The answer shows the open track first if the bundle was submitted there earlier.
            current = current.on(track) or current
        click.echo(f"Submission {current.id}: {current.url}", err=True)
        if not no_wait:
            try:
                current = _follow(client, current)
            except KeyboardInterrupt:
                click.echo(f"\nThe evaluation continues: mbc status {current.id}", err=True)
                sys.exit(exit_codes.INTERRUPTED)
    _show(current, as_json=as_json)


@click.command(epilog="Example: mbc status 7 --wait")
@click.argument("submission_id", metavar="ID", type=click.IntRange(1))
@click.option("--wait", is_flag=True, help="Follow it to its verdict on every track that it is on.")
@server_option
@json_option
@explain_server_errors
def status(submission_id: int, *, wait: bool, server: str | None, as_json: bool) -> None:
    """Show the status of submission ID on every track that it is on."""
    with Client(Account.find(server)) as client:
        current = client.submission(submission_id)
        for on_track in current.tracks if wait else []:
            current = _follow(client, on_track)
        current = current.tracks[0] if current.tracks else current
    _show(current, as_json=as_json)


@click.command(epilog="Example: mbc cancel 7")
@click.argument("submission_id", metavar="ID", type=click.IntRange(1))
@click.option("--track", type=click.Choice(_TRACKS), help="On this track only.  [default: on both]")
@server_option
@json_option
@explain_server_errors
def cancel(submission_id: int, track: str | None, server: str | None, *, as_json: bool) -> None:
    """Cancel submission ID, if it is yours and has no verdict yet."""
    with Client(Account.find(server)) as client:
        current = client.cancel(submission_id, track)
        current = (current.on(track) if track else None) or current
    click.echo(json.dumps(current.values) if as_json else f"Submission {current.id} is {current.status}.")


@click.command(epilog="Example: mbc certify 7")
@click.argument("submission_id", metavar="ID", type=click.IntRange(1))
@click.option("--track", type=click.Choice(_TRACKS), help="On this track only.  [default: on both]")
@server_option
@json_option
@explain_server_errors
def certify(submission_id: int, track: str | None, server: str | None, *, as_json: bool) -> None:
    """Ask for the verdict of submission ID, on a board that gives some on request alone.

    Such a board measures the octaves of every entry, and goes on by itself with those that beat their
    author's best. `mbc status ID` says whether it did.
    """
    with Client(Account.find(server)) as client:
        current = client.certify(submission_id, track)
        current = (current.on(track) if track else None) or current
    click.echo(json.dumps(current.values) if as_json else f"Submission {current.id} waits for its verdict.")


@click.command(epilog="Example: mbc board --json | jq '.entries[0]'")
@click.option("--season", help="A season's name.  [default: the open one]")
@click.option("--page", type=click.IntRange(1), default=1, show_default=True, help="A hundred entries each.")
@click.option("--track", type=click.Choice(_TRACKS), default=_TRACKS[0], show_default=True)
@click.option(
    "--machine",
    type=click.Choice(list(BUDGETS)),
    default=CPU,
    show_default=True,
    help="Machine class; samples track only.",
)
@server_option
@json_option
@explain_server_errors
def board(
    season: str | None, page: int, track: str, machine: str, server: str | None, *, as_json: bool
) -> None:
    """Show the board of a season, on the open track or on the samples track."""
    filters = {"track": track, "machine": machine} if track == Track.SAMPLES.value else {}
    with Client(Account.find(server)) as client:
        values = client.board(season, page, **filters)
    if as_json:
        click.echo(json.dumps(values))
        return
    from challenge.commands.board_table import print_board  # noqa: PLC0415 - importing rich takes a while

    print_board(values)


def _prepare(path: Path, folder: Path, *, trained: bool, check: bool) -> tuple[Bundle, Path]:
    """The bundle, checked before anything is uploaded, and the path of its zip file."""
    try:
        if path.is_dir():
            if check:
                for message in update_weights(path):
                    click.echo(message, err=True)
                read_bundle(path)
                quick_check(path, mend=True)
            archive = folder / f"{path.resolve().name}.zip"
            for message in pack(path, archive, trained=trained):
                click.echo(message, err=True)
            path = archive
        bundle = read_bundle(path, trained=trained)
    except EvaluationError as error:
        click.echo(as_text(error), err=True)
        sys.exit(exit_codes.BUNDLE_INVALID)
    for note in bundle.notes:
        click.echo(f"note: {note}", err=True)
    if check and path.parent != folder:
        quick_check(path)
    return bundle, path


def _follow(client: Client, current: SubmissionStatus) -> SubmissionStatus:
    """Poll until there is a verdict, with a progress bar if stderr is a terminal.

    Raises:
        ServerError: the server refused, or was unreachable for longer than `OUTAGE`.
    """
    from rich.console import Console  # noqa: PLC0415 - importing rich takes a while
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
        last_line, announced = "", current.provisional
        while not current.final:
            line = f"{current.status.value}: {current.message}"
            if not sys.stderr.isatty() and line != last_line:
                # A pipe or a log gets a line for every change.
                click.echo(line, err=True)
                last_line = line
            bar.update(
                task, completed=current.progress, description=current.message, status=current.status.value
            )
            time.sleep(POLL_SECONDS)
            current = client.submission(current.id, OUTAGE).on(current.track) or current
            if current.provisional and not current.deferred and not announced:
                announced = True
                console.print(
                    f"{_octaves(current)}, provisional: controls and probes follow.", highlight=False
                )
    return current


def _show(current: SubmissionStatus, *, as_json: bool) -> None:
    """Print a submission's status and exit with the code of its verdict."""
    if as_json:
        click.echo(json.dumps(current.values))
    else:
        others = [one for one in current.tracks if one.track != current.track]
        notes = [f"  note: {warning}" for warning in current.values.get("warnings") or ()]
        lines = [*_lines(current), *notes, *(line for one in others for line in _lines(one))]
        if others and not all(one.final for one in others):
            lines.append(f"  mbc status {current.id} --wait")
        click.echo("\n".join([*lines, *([f"  {current.url}"] if current.url else [])]))
    sys.exit(_EXIT_CODES.get(current.status, exit_codes.OK))


def _place(place: dict[str, Any]) -> str:
    """Like "rank 11-12 of 12; next above: Taylor network, +0.1"."""
    low, high = place["rank"]
    rank = f"rank {low}" if low == high else f"rank {low}-{high}"
    above = f"; next above: {place['above']}, +{place['gap']:.1f}" if place["above"] else ""
    return f"{rank} of {place['entries']}{above}"


def _lines(current: SubmissionStatus) -> list[str]:
    values = current.values
    track = " on the samples track" if current.track == Track.SAMPLES.value else ""
    state = "not certified" if current.deferred else current.status.value
    lines = [f"{values.get('name')} by {values.get('author')}{track}: {state}"]
    if current.deferred:
        lines.append(f"  {current.message}")
    elif current.provisional:
        lines[0] += ", provisional"
    if not current.final and current.message:
        lines[0] += f" ({current.message})"
    if values.get("flagged"):
        lines[0] += ", flagged for review by a person"
    if values.get("sentence"):
        lines.append(f"  {values['sentence']}")
    if values.get("reason") in EXPLANATIONS:
        lines.append(f"  {EXPLANATIONS[Reason(values['reason'])].for_author}")
    if values.get("octaves") is not None:
        lines.append(f"  {_octaves(current)} in season {values.get('season')}")
    if place := values.get("place"):
        lines.append(f"  {_place(place)}")
    if suggestion := values.get("suggestion"):
        lines.append(f"  {suggestion}")
    return lines


def _octaves(current: SubmissionStatus) -> str:
    low, high = current.values.get("interval") or (float("nan"), float("nan"))
    return f"{current.values['octaves']:.4f} octaves (95 %: {low:.2f} to {high:.2f})"
