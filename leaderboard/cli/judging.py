"""The part of `mbc admin` that shows who judges what: the queue, machines, and the latest verdicts."""

import json

import click

from leaderboard.cli.database import actor, opened
from leaderboard.cli.options import json_option
from leaderboard.config import Config
from leaderboard.services import audit, canaries, evaluations, machines, queue_order, standings


@click.command()
@json_option
@click.pass_obj
def queue(config: Config, as_json: bool) -> None:
    """Show what is under way and what waits, the next one first.

    Example: mbc admin queue --json
    """
    with opened(config) as session:
        places = queue_order.positions(session)
        rows = [
            standings.progress(one, places.get(one.id)) | {"since": one.queued_at.isoformat("T", "seconds")}
            for one in evaluations.list_live(session)
        ]
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    for row in rows:
        place = f"{row['queue_position']:>5}" if row["queue_position"] else "    -"
        click.echo(
            f"{place}  evaluation {row['evaluation_id']} of submission {row['submission_id']}, {row['name']}:"
            " "
            f"{row['track']}, {row['status']}, attempt {row['attempt']}, since {row['since']}"
        )


@click.command("workers")
@json_option
@click.pass_obj
def show_workers(config: Config, as_json: bool) -> None:
    """Show the machines whose workers have reported in the last thirty days, and those that are stopped.

    Example: mbc admin workers
    """
    with opened(config) as session:
        rows = [
            {
                "count": seen.count,
                "last_seen": seen.at.isoformat("T", "seconds"),
                "speeds": seen.speeds,
                **seen.machine.to_dict(),
            }
            for seen in machines.seen(session)
        ]
        stopped = [
            {"name": one.name, "since": f"{one.stopped_at:%Y-%m-%dT%H:%M}", "because": one.stopped_because}
            for one in canaries.stopped(session)
        ]
    if as_json:
        click.echo(json.dumps([*rows, *({"stopped": one} for one in stopped)], indent=1))
        return
    for row in rows:
        what = f"{row['machine_class'] or 'of an unknown class'}, speed {row['speeds'] or '?'}"
        click.echo(f"{row['last_seen']}  {row['count']} alike, {what}, sandbox {row['sandbox']}")
    for one in stopped:
        click.echo(f"{one['since']}  machine {one['name'][:8]} is stopped. Of a canary, {one['because']}")


@click.command()
@click.argument("machine")
@click.pass_obj
def release(config: Config, machine: str) -> None:
    """Let a machine that is stopped go on, by the first letters of its name; it judges a canary first.

    Example: mbc admin release 3f9a01c2
    """
    with opened(config) as session:
        name = canaries.release(session, machine)
        audit.record(session, actor(), "release", f"machine {name[:8]}")
    click.echo(f"Machine {name[:8]} may judge again.")


@click.command()
@click.option("-n", "count", type=click.IntRange(1, 1000), default=20, show_default=True)
@json_option
@click.pass_obj
def verdicts(config: Config, count: int, as_json: bool) -> None:
    """Show the latest verdicts, with the speed of the machine that each came from.

    Example: mbc admin verdicts -n 50
    """
    with opened(config) as session:
        rows = [
            {
                "ended": one.finished_at.isoformat("T", "seconds") if one.finished_at else "",
                "submission_id": one.submission_id,
                "name": one.submission.name,
                "track": one.track,
                "status": one.status,
                "speed": one.speed,
            }
            for one in evaluations.latest_verdicts(session, count)
        ]
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    for row in rows:
        click.echo(
            f"{row['ended']}  submission {row['submission_id']}, {row['name']}: {row['track']}, "
            f"{row['status']}, speed {row['speed'] or '?'}"
        )


COMMANDS = (queue, show_workers, release, verdicts)
