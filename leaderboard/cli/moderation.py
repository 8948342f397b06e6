"""The part of `mbc admin` that deals with entries: judging again, verdicts, audit, export, backup."""

import json
from pathlib import Path

import click

from challenge.scoring.tracks import Track
from leaderboard.cli.backup import backup as make_backup
from leaderboard.cli.database import actor, opened
from leaderboard.cli.options import failed, json_option
from leaderboard.config import Config
from leaderboard.errors import Refused, not_found
from leaderboard.services import (
    audit,
    decisions,
    deferral,
    evaluations,
    people,
    public_export,
    seasons,
    stages,
    submissions,
)

# From click 8.2 on, a choice among members of an enumeration is by their names.
_TRACKS = [track.value for track in Track]


@click.command()
@click.argument("submission_id", type=int)
@click.option("--season", help="The season to judge it in.  [default: the open one]")
@click.option("--track", type=click.Choice(_TRACKS), default=Track.OPEN.value, show_default=True)
@click.option(
    "--certificate",
    is_flag=True,
    help="Fit the controls and the twin again as well, for this and every later entry with the same code.",
)
@json_option
@click.pass_obj
def rejudge(
    config: Config, submission_id: int, season: str | None, track: str, certificate: bool, as_json: bool
) -> None:
    """Judge a submission again. The old result stands until the new one is there, and is kept.

    What the controls found of its code is used again, unless --certificate is given.

    Example: mbc admin rejudge 7 --season practice
    """
    with opened(config) as session:
        submission = submissions.get(session, submission_id)
        row = seasons.find_season(session, season) if season else seasons.current_season(session)
        if row is None:
            raise not_found("open season")
        evaluation = deferral.release(session, submission, row, Track(track))
        if evaluation is None:
            evaluation = evaluations.queue_evaluation(session, submission, row, Track(track))
        name = row.name
        detail = f"in {name}, {track} track"
        if certificate:
            detail += f", {stages.withdraw_certificates(session, submission)} certificates withdrawn"
        audit.record(session, actor(), "rejudge", f"submission {submission_id}", detail)
        values = {
            "evaluation_id": evaluation.id,
            "submission_id": submission_id,
            "season": name,
            "track": evaluation.track,
        }
    # The serving process wakes a worker at its next look.
    click.echo(
        json.dumps(values)
        if as_json
        else f"Evaluation {values['evaluation_id']} of submission {submission_id} is queued in {name}, "
        f"{values['track']} track."
    )


@click.command()
@click.argument("submission_id", type=int)
@click.option("--reason", required=True, help="A sentence that everybody can read.")
@click.option("--track", type=click.Choice(_TRACKS), help="On this track alone.  [default: on both]")
@click.pass_obj
def disqualify(config: Config, submission_id: int, reason: str, track: str | None) -> None:
    """Set a judged submission aside. Its figures stay, and it does not rank.

    Example: mbc admin disqualify 7 --reason "The weights were planted by hand."
    """
    with opened(config) as session:
        submission = submissions.get(session, submission_id)
        tracks = [Track(track)] if track else list(Track)
        found = [
            one
            for one in (submissions.latest_evaluation(session, submission, None, t) for t in tracks)
            if one
        ]
        if not found:
            raise not_found("evaluation")
        # While it is judged again, an earlier result stands on the board.
        found += [
            one for one in (submissions.displayed(submission, last) for last in found) if one not in found
        ]
        decisions.disqualify_all(session, found, reason)
        audit.record(session, actor(), "disqualify", f"submission {submission_id}", reason)
    click.echo(f"Submission {submission_id} is disqualified.")


@click.command()
@click.argument("submission_id", type=int)
@click.option("--reason", required=True, help="A sentence that everybody can read.")
@click.option("--track", type=click.Choice(_TRACKS), default=Track.OPEN.value, show_default=True)
@click.pass_obj
def accept(config: Config, submission_id: int, reason: str, track: str) -> None:
    """Let a flagged submission rank. Until then its figures are shown without a rank.

    Example: mbc admin accept 7 --reason "Trained again from its train.toml: the same octaves."
    """
    with opened(config) as session:
        submission = submissions.get(session, submission_id)
        evaluation = submissions.latest_evaluation(session, submission, None, Track(track))
        if evaluation is None:
            raise not_found("evaluation")
        decisions.accept(session, evaluation, reason)
        audit.record(session, actor(), "accept", f"submission {submission_id}", reason)
    click.echo(f"Submission {submission_id} ranks.")


@click.command()
@click.argument("submission_id", type=int)
@click.option("--reason", required=True, help="Kept in the audit log.")
@click.pass_obj
def hide(config: Config, submission_id: int, reason: str) -> None:
    """Take a submission out of sight: only its owner still sees it. `mbc admin show` undoes it.

    Example: mbc admin hide 7 --reason "The name is an insult."
    """
    _hide(config, submission_id, reason, hidden=True)
    click.echo(f"Submission {submission_id} is hidden.")


@click.command()
@click.argument("submission_id", type=int)
@click.option("--reason", default="", help="Kept in the audit log.")
@click.pass_obj
def show(config: Config, submission_id: int, reason: str) -> None:
    """Put a hidden submission back where everybody sees it.

    Example: mbc admin show 7
    """
    _hide(config, submission_id, reason, hidden=False)
    click.echo(f"Submission {submission_id} is shown.")


def _hide(config: Config, submission_id: int, reason: str, *, hidden: bool) -> None:
    with opened(config) as session:
        submissions.hide(session, submissions.get(session, submission_id), hidden=hidden)
        audit.record(session, actor(), "hide" if hidden else "show", f"submission {submission_id}", reason)


@click.command("audit")
@click.option("-n", "--count", type=click.IntRange(1), default=50, show_default=True, help="How many lines.")
@json_option
@click.pass_obj
def show_audit(config: Config, count: int, as_json: bool) -> None:
    """Show who did what to people, entries and seasons, the newest last.

    Example: mbc admin audit -n 200 --json
    """
    with opened(config) as session:
        rows = [audit.to_dict(row) for row in reversed(audit.latest(session, count))]
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    for row in rows:
        click.echo(
            f"{row['at']}  {row['actor']}: {row['action']}, {row['subject']}  {row['detail']}".rstrip()
        )


@click.command()
@click.argument("out", metavar="FILE")
@click.pass_obj
def backup(config: Config, out: str) -> None:
    """Write the whole leaderboard into one tar FILE while it runs: database, bundles, pictures, secrets.

    FILE may be in object storage, such as s3://bucket/backups/monday.tar. Keep it where nobody else can read
    it: it holds the open season's secret.

    Example: mbc admin backup /backups/board-monday.tar
    """
    with opened(config) as session:
        # Before the copy, so that the copy tells of itself.
        audit.record(session, actor(), "backup", out)
    try:
        how = make_backup(config, out)
    except Refused as error:
        raise failed(error) from error
    click.echo(f"Wrote {out}. {how}")


@click.command()
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="A file.  [default: the terminal]"
)
@click.pass_obj
def export(config: Config, out: Path | None) -> None:
    """Write seasons, submissions, evaluations and reports as JSON, without open secrets or tokens.

    Example: mbc admin export --out board.json
    """
    with opened(config) as session:
        text = json.dumps(public_export.export(session), allow_nan=False, indent=1)
    if out is None:
        click.echo(text)
        return
    try:
        out.write_text(text)
    except OSError as error:
        raise failed(Refused(507, "disk_full", f"{out} cannot be written: {error.strerror}.")) from error
    click.echo(f"Wrote {out} ({len(text):,} bytes).")


@click.command()
@click.argument("submission_id", type=int)
@click.option("--track", type=click.Choice(_TRACKS), help="On this track alone.  [default: on both]")
@click.pass_obj
def cancel(config: Config, submission_id: int, track: str | None) -> None:
    """Stop what waits or is under way of a submission. Its worker is refused from then on.

    Example: mbc admin cancel 7
    """
    with opened(config) as session:
        latest = submissions.latest_by_track(session, submissions.get(session, submission_id))
        decisions.cancel_submission(session, latest, Track(track) if track else None)
        audit.record(session, actor(), "cancel", f"submission {submission_id}", track or "")
    click.echo(f"Submission {submission_id} is not judged any more.")


@click.command()
@click.argument("evaluation_id", type=int)
@click.pass_obj
def requeue(config: Config, evaluation_id: int) -> None:
    """Take an evaluation from its worker, and let it wait again.

    Example: mbc admin requeue 12
    """
    with opened(config) as session:
        decisions.requeue(session, evaluations.get(session, evaluation_id))
        audit.record(session, actor(), "requeue", f"evaluation {evaluation_id}")
    click.echo(f"Evaluation {evaluation_id} waits again.")


@click.command()
@click.argument("submission_id", type=int)
@click.option("--reason", required=True, help="Kept in the audit log.")
@click.pass_obj
def delete(config: Config, submission_id: int, reason: str) -> None:
    """Delete a submission with its results, pictures and bundle. It cannot be undone; `hide` can.

    Example: mbc admin delete 7 --reason "Its author asked for it."
    """
    with opened(config) as session:
        found = submissions.get(session, submission_id)
        people.delete_submission(session, config, actor(), found)
        audit.record(session, actor(), "delete", f"submission {submission_id}", reason)
    click.echo(f"Submission {submission_id} is deleted.")


@click.command()
@click.argument("submission_id", type=int)
@click.argument("name")
@click.pass_obj
def rename(config: Config, submission_id: int, name: str) -> None:
    """Give a submission another name on the board; its bundle stays as it is.

    Example: mbc admin rename 7 "deep net"
    """
    with opened(config) as session:
        old = submissions.rename(session, submissions.get(session, submission_id), name)
        audit.record(session, actor(), "rename", f"submission {submission_id}", f"{old} is {name}")
    click.echo(f"Submission {submission_id} is called {name}.")


COMMANDS = (
    rejudge,
    accept,
    disqualify,
    cancel,
    requeue,
    delete,
    rename,
    hide,
    show,
    show_audit,
    backup,
    export,
)
