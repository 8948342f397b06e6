"""`mbc serve`: a leaderboard with its evaluator."""

import sys
from pathlib import Path

import click

from challenge.bundle.references import reference_folder
from leaderboard.cli.options import failed, storage_options
from leaderboard.config import Config
from leaderboard.errors import Refused


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option(
    "--port", type=click.IntRange(1, 65535), default=8000, show_default=True, help="Port to listen at."
)
@storage_options
@click.option(
    "--broker",
    envvar="MBC_BROKER",
    help="Celery broker, such as redis://host:6379/0.  [default: SQLite in the data directory]",
)
@click.option(
    "--references",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    is_flag=False,
    flag_value=reference_folder(),
    metavar="[DIR]",
    help="Submit every submission below DIR; without DIR, the reference submissions.",
)
@click.option(
    "--no-worker", is_flag=True, help="Start no evaluator: others do the judging with `mbc worker`."
)
def serve(
    host: str,
    port: int,
    data: Path,
    database: str | None,
    broker: str | None,
    references: Path | None,
    no_worker: bool,
) -> None:
    """Run the leaderboard with an evaluator of its own: nothing else has to be started.

    Example: mbc serve --data /srv/mandelbrot --port 8000 --references submissions
    """
    from leaderboard.serve.bootstrap import bootstrap_server, configure_client, data_directory, shortcomings  # noqa: PLC0415 - `mbc serve --help` is quick
    from leaderboard.serve.key_agreement import agreed_key  # noqa: PLC0415
    from leaderboard.serve.screen import Screen  # noqa: PLC0415
    from leaderboard.serve.supervisor import Supervisor, address, listen  # noqa: PLC0415

    screen = Screen(sys.stdout)
    try:
        config = Config.make(data, database, broker)
        with listen(host, port) as listener, data_directory(config) as alone, agreed_key(config):
            bootstrapped = bootstrap_server(config, alone=alone)
            url = address(host, port)
            screen.say(f"Everything is kept in {config.data}.")
            if bootstrapped.season is None:
                screen.say("No season is open: `mbc admin seasons open NAME` opens one.")
            elif bootstrapped.season_is_new:
                screen.say(f"Opened {bootstrapped.season}; SHA-256 of its secret: {bootstrapped.commitment}")
            else:
                screen.say(f"{bootstrapped.season} is open; SHA-256 of its secret: {bootstrapped.commitment}")
            for sentence in shortcomings(config):
                screen.say(f"Were this one of several servers: {sentence}.")
            screen.say(configure_client(url, bootstrapped, config))
            supervisor = Supervisor(config, bootstrapped, listener, url, screen, worker=not no_worker)
            supervisor.run(references)
    except Refused as error:
        raise failed(error) from error
