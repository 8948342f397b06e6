"""Run `mbc check` before a bundle is packed or submitted, where an evaluator is installed."""

from importlib.metadata import entry_points
from pathlib import Path

import click

no_check_option = click.option(
    "--no-check", is_flag=True, help="Leave out the few seconds of `mbc check` that come first."
)


def quick_check(path: Path, *, as_json: bool = False, mend: bool = False) -> None:
    """Load the model and ask it a few points; ends the process with check's exit code if that fails.

    Args:
        path: a directory or an archive that was read already.
        as_json: whether a refusal is printed as JSON.
        mend: whether the tensors in a directory are renamed where one prefix makes them fit.
    """
    # This package does not import the evaluator: an installed one registers its commands as entry points.
    for point in entry_points(group="mbc.commands", name="check"):
        command = point.load()
        assert isinstance(command, click.Command)
        command.main(
            [str(path), "--quiet", *(["--json"] if as_json else []), *(["--mend"] if mend else [])],
            prog_name="mbc check",
            standalone_mode=False,
        )
