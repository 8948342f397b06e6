"""`mbc adapt`: let a model that was trained in other coordinates see the inputs that it knows."""

from pathlib import Path

import click

from challenge.commands.cli_errors import explain_errors


@click.command(
    epilog="Examples: mbc adapt mine --window author | mbc adapt mine --window classic-swapped --invert"
)
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--window", metavar="NAME", help="The coordinates of its training; --list names them.")
@click.option("--invert", is_flag=True, help="Turn outputs into 1 - output: for 0 inside and 1 far outside.")
@click.option("--list", "listed", is_flag=True, help="List the known coordinates and exit.")
def adapt(directory: Path, window: str | None, *, invert: bool, listed: bool) -> None:
    """Append to model.py in DIR the lines that map its inputs, as `mbc check` and `mbc score` advise.

    The map applies to every model with two inputs, whatever it is fitted to, so the only rule holds. The
    weights stay as they are.
    """
    from challenge.bundle.frame_code import adapted_source  # noqa: PLC0415 - help comes at once
    from challenge.scoring.frames import Frame, known_frames  # noqa: PLC0415
    from challenge.util.atomic_files import atomic_write  # noqa: PLC0415

    frames = known_frames()
    if listed:
        for name, frame in frames.items():
            click.echo(f"{name:<28}{frame.describe()}")
        return
    if window is None and not invert:
        raise click.UsageError("Name --window, or --invert alone.")
    if window is not None and window not in frames:
        raise click.BadParameter(
            f"there is no window {window!r}; `mbc adapt {directory} --list` names them.",
            param_hint="--window",
        )
    frame = frames[window] if window is not None else Frame("base")
    matrix, shift = frame.affine
    path = directory / "model.py"
    with explain_errors():
        try:
            text = adapted_source(path.read_text("utf-8"), frame.describe(), matrix, shift, invert=invert)
        except ValueError as problem:
            raise click.UsageError(f"{problem}.") from problem
        with atomic_write(path) as partial:
            partial.write_text(text, "utf-8")
    click.echo(f"{path} now maps two inputs to {frame.describe()}. Next: mbc check {directory}")
