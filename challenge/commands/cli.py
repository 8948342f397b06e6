"""`mbc`: the one command. Subcommands are imported when they run, so that help comes at once."""

import importlib
import os
import sys
from importlib.metadata import entry_points
from typing import Any, Final

import click

from challenge.util.exit_codes import USAGE, SettingError

# Read by OpenMP when torch is first imported. Threads that spin for each other take many times as long on a
# machine that has other work.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

GROUP: Final = "mbc.commands"

# Name: (where the command is, one line about it). The other packages bring theirs as entry points.
COMMANDS: Final = {
    "new": ("challenge.commands.new:new", "Start a submission from a reference one."),
    "sample": ("challenge.commands.sample:sample", "Write random samples of the target to a file."),
    "train": ("challenge.commands.train:train", "Train a submission, and watch it learn."),
    "pack": ("challenge.commands.pack:pack", "Make the bundle of a submission."),
    "render": ("challenge.commands.render:render", "Draw the truth, a model, or both and the error."),
    "fit": ("challenge.commands.fit:fit", "Fit kinds of models to a data set, side by side in a film."),
    "film": ("challenge.commands.film:film", "Make a film of a submission: learning, or a zoom."),
    "submit": ("challenge.commands.remote:submit", "Hand a bundle in, and follow it to its verdict."),
    "status": ("challenge.commands.remote:status", "Say how a submission stands."),
    "board": ("challenge.commands.remote:board", "Show the board."),
    "cancel": ("challenge.commands.remote:cancel", "Take a submission back that is not judged yet."),
    "login": ("challenge.commands.remote:login", "Remember a leaderboard and your token for it."),
    "whoami": ("challenge.commands.remote:whoami", "Say whom the leaderboard takes you for."),
    "limits": ("challenge.commands.remote:limits", "Show what a submission may take."),
}


class LazyGroup(click.Group):
    """A group that imports a subcommand only to run it or to show its own help."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Every name: ours first, then the other packages'."""
        return [*COMMANDS, *sorted(_others())]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import one subcommand; None where there is no such name."""
        where = COMMANDS[cmd_name][0] if cmd_name in COMMANDS else _others().get(cmd_name)
        if where is None:
            return None
        module, _, attribute = where.partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list in `mbc --help`, from the tables alone."""
        rows = [
            (name, COMMANDS[name][1] if name in COMMANDS else _help(name)) for name in self.list_commands(ctx)
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _others() -> dict[str, str]:
    return {point.name: point.value for point in entry_points(group=GROUP)}


def _help(name: str) -> str:
    package = _others()[name].partition(".")[0]
    texts: dict[str, str] = importlib.import_module(f"{package}.commands").HELP
    return texts.get(name, "")


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="mandelbrot-challenge")
def mbc() -> None:
    """Approximate the Mandelbrot set from random samples: train, score, submit.

    Start here: mbc new mine --from fourier && mbc train mine --seconds 60 && mbc score mine
    """


def main() -> Any:
    """Run `mbc`. A pipe that closes early, as in `mbc board | head`, is no error."""
    try:
        return mbc()
    except SettingError as error:
        click.echo(f"error: {error}", err=True)
        return USAGE
    except BrokenPipeError:
        # Python flushes stdout at exit and would complain once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


if __name__ == "__main__":
    sys.exit(main())
