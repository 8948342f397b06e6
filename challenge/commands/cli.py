"""The command `mbc`. Subcommands are imported only when they run, so that `mbc --help` is fast."""

import importlib
import os
import sys
from importlib.metadata import entry_points
from typing import Any, Final

import click

from challenge.util.exit_codes import USAGE, SettingError

# OpenMP reads this when torch is first imported. Spinning threads are many times slower on a machine that is
# busy with other work.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

GROUP: Final = "mbc.commands"

# Name: ("module:function", help line). Other packages register their commands as entry points.
COMMANDS: Final = {
    "new": ("challenge.commands.new:new", "Start a submission from a reference one."),
    "sample": ("challenge.commands.sample:sample", "Write random samples of the target to a file."),
    "train": ("challenge.commands.train:train", "Train a submission, with a live loss."),
    "pack": ("challenge.commands.pack:pack", "Pack a submission into the bundle that is handed in."),
    "render": ("challenge.commands.render:render", "Draw the truth, a model, or both and the error."),
    "fit": ("challenge.commands.fit:fit", "Fit several models to a data set, side by side in a film."),
    "film": ("challenge.commands.film:film", "Make a film of a submission: its training, or a zoom."),
    "submit": ("challenge.commands.submissions:submit", "Hand a bundle in, and follow it to its verdict."),
    "status": ("challenge.commands.submissions:status", "Show the status of a submission."),
    "board": ("challenge.commands.submissions:board", "Show the board."),
    "cancel": ("challenge.commands.submissions:cancel", "Cancel a submission that has no verdict yet."),
    "login": ("challenge.commands.account:login", "Store a leaderboard's address and your token for it."),
    "whoami": ("challenge.commands.account:whoami", "Show the user that your token belongs to."),
    "limits": ("challenge.commands.account:limits", "Show the limits of bundles, hand-ins and processes."),
}


class LazyGroup(click.Group):
    """A click group that imports a subcommand only to run it or to show its own help."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """All names: first the ones of this package, then the registered ones."""
        return [*COMMANDS, *sorted(_registered())]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import one subcommand; None if there is no such name."""
        where = COMMANDS[cmd_name][0] if cmd_name in COMMANDS else _registered().get(cmd_name)
        if where is None:
            return None
        module, _, attribute = where.partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands in `mbc --help` without importing them."""
        rows = [
            (name, COMMANDS[name][1] if name in COMMANDS else _help(name)) for name in self.list_commands(ctx)
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _registered() -> dict[str, str]:
    return {point.name: point.value for point in entry_points(group=GROUP)}


def _help(name: str) -> str:
    package = _registered()[name].partition(".")[0]
    texts: dict[str, str] = importlib.import_module(f"{package}.commands").HELP
    return texts.get(name, "")


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="mandelbrot-challenge")
def mbc() -> None:
    """Approximate the Mandelbrot set from random samples: train, score, submit.

    Start here: mbc new mine --from fourier && mbc train mine --seconds 60 && mbc score mine
    """


def main() -> Any:
    """Run `mbc`. A reader that closes the pipe early, as in `mbc board | head`, is not an error."""
    try:
        return mbc()
    except SettingError as error:
        click.echo(f"error: {error}", err=True)
        return USAGE
    except BrokenPipeError:
        # Python flushes stdout at exit and would raise the same error again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


if __name__ == "__main__":
    sys.exit(main())
