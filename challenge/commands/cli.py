"""The command `mbc`. Subcommands are imported only when they run, so that `mbc --help` is fast."""

import difflib
import importlib
import io
import os
import sys
from importlib.metadata import entry_points
from typing import Final

import click

from challenge.util import compile_notice
from challenge.util.exit_codes import FAILED, INTERRUPTED, USAGE, SettingError

# OpenMP reads this when torch is first imported. Spinning threads are many times slower on a machine that is
# busy with other work.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

GROUP: Final = "mbc.commands"
_OURS: Final = frozenset({"challenge", "evaluator", "leaderboard"})
# Extras by the module that they bring; every other module that may be missing belongs to `server`.
_EXTRAS: Final = {
    "imageio_ffmpeg": "film",
    "psycopg": "postgresql",
    "tensorboard": "tensorboard",
}

# Name: ("module:function", help line). Other packages register their commands as entry points.
COMMANDS: Final = {
    "new": ("challenge.commands.new:new", "Start a submission from a reference one."),
    "adopt": ("challenge.commands.adopt:adopt", "Make a submission from a model trained elsewhere."),
    "adapt": ("challenge.commands.adapt:adapt", "Map a model's inputs to coordinates it was trained in."),
    "sample": ("challenge.commands.sample:sample", "Write random samples of the target to a file."),
    "train": ("challenge.commands.train:train", "Train a submission, with a live loss."),
    "pack": ("challenge.commands.pack:pack", "Pack a submission into the bundle that is submitted."),
    "render": ("challenge.commands.render:render", "Draw the truth, a model, or both and the error."),
    "fit": ("challenge.commands.fit:fit", "Fit several models to a data set, side by side in a film."),
    "film": ("challenge.commands.film:film", "Make a film of a submission: its training, or a zoom."),
    "submit": ("challenge.commands.submissions:submit", "Submit a bundle and follow it to its verdict."),
    "status": ("challenge.commands.submissions:status", "Show the status of a submission."),
    "board": ("challenge.commands.submissions:board", "Show the board."),
    "cancel": ("challenge.commands.submissions:cancel", "Cancel a submission that has no verdict yet."),
    "certify": ("challenge.commands.submissions:certify", "Ask for a verdict that comes on request alone."),
    "verify": ("challenge.commands.verify:verify", "Verify a season that has ended, and an entry of it."),
    "login": ("challenge.commands.account:login", "Store a leaderboard's address and your token for it."),
    "whoami": ("challenge.commands.account:whoami", "Show the user that your token belongs to."),
    "limits": ("challenge.commands.account:limits", "Show the limits of bundles, submissions and processes."),
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

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the subcommand; for a misspelt name, say which one is near."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            near = difflib.get_close_matches(args[0], self.list_commands(ctx), 1)
            if not near or near[0] in error.message:
                raise
            raise click.UsageError(f"{error.message} Did you mean {near[0]!r}?", ctx) from error

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


def main() -> int:
    """Run `mbc`; returns its exit code.

    A reader that closes the pipe early, as in `mbc board | head`, is not an error.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal or a pipe of another encoding lacks some characters; that is no reason to fail.
            stream.reconfigure(errors="replace")
    compile_notice.tell_once(lambda text: click.echo(text, err=True))
    try:
        code = mbc.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        return INTERRUPTED
    except SettingError as error:
        click.echo(f"error: {error}", err=True)
        return USAGE
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if not missing or missing in _OURS:
            raise
        command = f"mbc {sys.argv[1]}" if len(sys.argv) > 1 else "mbc"
        if missing in sys.stdlib_module_names:
            click.echo(
                f"error: `{command}` does not run on this system ({sys.platform} has no {missing}): "
                "judging needs Linux or macOS. Here, `from challenge import score` measures a model.",
                err=True,
            )
            return FAILED
        extra = _EXTRAS.get(missing, "server")
        click.echo(
            f"error: `{command}` needs {missing}, which the extra {extra!r} brings: "
            f"pip install 'mandelbrot-challenge[{extra}]'",
            err=True,
        )
        return FAILED
    except BrokenPipeError:
        # Python flushes stdout at exit and would raise the same error again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code if isinstance(code, int) else 0


if __name__ == "__main__":
    sys.exit(main())
