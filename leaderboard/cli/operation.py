"""The part of `mbc admin` that deals with the whole board: pausing, judging many again, pruning."""

from datetime import timedelta

import click

from challenge.results.verdicts import Reason, Status
from challenge.scoring.tracks import Track
from leaderboard.cli.database import actor, opened
from leaderboard.config import Config
from leaderboard.db import now
from leaderboard.errors import not_found
from leaderboard.services import audit, seasons, settings, upkeep

_ENDS = [Status.SCORED.value, Status.REJECTED.value, Status.FAILED.value]


@click.command()
@click.option("--reason", default="", help="Shown on the board.")
@click.pass_obj
def pause(config: Config, reason: str) -> None:
    """Give out no evaluation any more. What workers have is finished, and people go on handing in.

    Example: mbc admin pause --reason "A fault of the judge is mended; back at noon."
    """
    with opened(config) as session:
        settings.pause(session, reason)
        audit.record(session, actor(), "pause", "judging", reason)
    click.echo("Judging is paused; `mbc admin resume` goes on.")


@click.command()
@click.pass_obj
def resume(config: Config) -> None:
    """Give out evaluations again.

    Example: mbc admin resume
    """
    with opened(config) as session:
        settings.resume(session)
        audit.record(session, actor(), "resume", "judging")
    click.echo("Judging goes on.")


@click.command("rejudge-all")
@click.option("--season", help="The season to judge them in.  [default: the open one]")
@click.option(
    "--track",
    type=click.Choice([track.value for track in Track]),
    default=Track.OPEN.value,
    show_default=True,
)
@click.option("--status", type=click.Choice(_ENDS), help="Only those that ended so.")
@click.option(
    "--reason", type=click.Choice([reason.value for reason in Reason]), help="Only those that failed so."
)
@click.option("--yes", is_flag=True, help="Do it; without it, they are only counted.")
@click.pass_obj
def rejudge_all(
    config: Config, season: str | None, track: str, status: str | None, reason: str | None, *, yes: bool
) -> None:
    """Judge many submissions again, such as all that failed for one reason. Old results stand meanwhile.

    Example: mbc admin rejudge-all --status failed --reason internal --yes
    """
    with opened(config) as session:
        row = seasons.find_season(session, season) if season else seasons.current_season(session)
        if row is None:
            raise not_found("open season")
        found = upkeep.to_rejudge(
            session, row, Track(track), Status(status) if status else None, Reason(reason) if reason else None
        )
        if yes:
            upkeep.rejudge_all(session, found, row, Track(track))
            what = f"{len(found)} submissions, {status or 'any'} {reason or ''}".strip()
            audit.record(session, actor(), "rejudge all", f"season {row.name}", f"{what}, {track} track")
    click.echo(
        f"{len(found)} submissions are judged again." if yes else f"{len(found)} submissions; --yes does it."
    )


@click.command()
@click.option("--older-than", type=click.IntRange(0), default=90, show_default=True, metavar="DAYS")
@click.option("--yes", is_flag=True, help="Do it; without it, they are only counted.")
@click.pass_obj
def prune(config: Config, older_than: int, *, yes: bool) -> None:
    """Remove the pictures of superseded entries: not their owner's best, or judged again since.

    Figures, reports, bundles, and the one picture that stands for an entry stay.

    Example: mbc admin prune --older-than 30 --yes
    """
    with opened(config) as session:
        done = upkeep.prune(session, config, now() - timedelta(days=older_than), dry=not yes)
        if yes:
            audit.record(session, actor(), "prune", f"{done.pictures} pictures", f"{older_than} days")
    size = f"{done.pictures:,} pictures of {done.evaluations:,} evaluations, {done.bytes / 2**20:,.1f} MiB"
    click.echo(f"Removed {size}." if yes else f"{size}; --yes removes them.")


COMMANDS = (pause, resume, rejudge_all, prune)
