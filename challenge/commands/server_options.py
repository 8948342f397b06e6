"""Options and error handling shared by the commands that talk to a leaderboard."""

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from challenge.results.verdicts import Reason
from challenge.util import exit_codes

server_option = click.option(
    "--server", help="Address of the leaderboard.  [default: the one of `mbc login`, or $MBC_SERVER]"
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def explain_server_errors(command: Callable[..., None]) -> Callable[..., None]:
    """Decorator: print a ServerError as one sentence and exit with its code."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        from challenge.util.http import ServerError  # noqa: PLC0415 - httpx takes its time

        try:
            command(*args, **kwargs)
        except ServerError as error:
            click.echo(f"error: {error}", err=True)
            bundle_refused = error.status == 422 and error.code in {reason.value for reason in Reason}
            sys.exit(exit_codes.BUNDLE_INVALID if bundle_refused else exit_codes.SERVER)

    return run
