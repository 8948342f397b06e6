"""What `mbc score` and `mbc check` show: a progress bar on stderr, and the report as tables."""

import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from challenge.bundle.reader import Bundle
from challenge.results.formatting import dimensions, figure, ordinal, percent, skill, threshold_text
from challenge.results.rejection_reasons import (
    RejectionReason,
    flag_reasons,
    group_by_remedy,
    rejection_reasons,
)
from challenge.results.report import ControlResult, Integrity, Report, Universality
from challenge.results.result_visuals import ResultVisuals
from challenge.results.verdicts import Status

BARS = " ▁▂▃▄▅▆▇█"
_WIDE = 120
_METER = 16


class ProgressBar:
    """A `Watch` that draws a bar on stderr if that is a terminal, and saves pictures in a folder."""

    def __init__(self, pictures: Path | None = None) -> None:
        self._pictures = pictures
        self._progress = Progress(
            TextColumn("{task.fields[status]:>10}"),
            BarColumn(),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            disable=not sys.stderr.isatty(),
            transient=True,
        )
        self._task = self._progress.add_task("", total=1.0, status="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def status(self, status: Status, progress: float, message: str) -> None:
        """Move the bar."""
        self._progress.update(self._task, completed=progress, description=message, status=status.value)

    def picture(self, name: str, png: bytes) -> None:
        """Save a picture."""
        if self._pictures is not None:
            path = self._pictures / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(png)

    def evidence(self, evidence: ResultVisuals) -> None:
        """Save the data of the plots of controls and probes beside the pictures."""
        if self._pictures is not None:
            self._pictures.mkdir(parents=True, exist_ok=True)
            (self._pictures / "evidence.json").write_text(evidence.to_json(), encoding="utf-8")


def spark(skill: tuple[float, ...]) -> str:
    """Skill by octave as a row of bars."""
    return "".join(BARS[round(s * (len(BARS) - 1))] for s in skill)


def print_octaves(bundle: Bundle, report: Report) -> None:
    """Print what the first stage measured."""
    out = _console()
    low, high = report.interval
    out.print(
        f"[bold]{escape(bundle.manifest.name)}[/bold] by {escape(bundle.manifest.author)}", highlight=False
    )
    out.print(f"  [bold]{report.octaves:.3f}[/bold] octaves   [dim]95 % {low:.3f} .. {high:.3f}[/dim]")
    out.print(f"  skill by octave  0 │{spark(report.skill)}│ {len(report.skill) - 1}", highlight=False)
    out.print(
        f"  depth {report.depth:.2f}   precision {report.precision_db:.1f} dB   "
        f"{report.parameters:,} numbers, {report.bytes:,} bytes ({report.weight_class})",
        highlight=False,
    )
    out.print(
        f"  {report.predictions_per_second:,.0f} predictions/s on {report.device}   season {report.season}   "
        f"sandbox {report.sandbox}   {report.seconds:.1f} s",
        highlight=False,
    )


def print_verdict(report: Report) -> None:
    """Print what controls and probes found, and what that means."""
    out = _console()
    if report.universality:
        print_controls(report.universality)
    if report.integrity and report.integrity.probes:
        _print_probes(out, report.integrity)
    if report.verdict == Status.REJECTED.value:
        out.print("\n[bold red]rejected[/bold red]: it failed these checks; each says how to pass.")
        _print_reasons(out, rejection_reasons(report))
    elif report.universality:
        out.print("\n[bold green]scored[/bold green]: it would stand on the board.", highlight=False)
    if found := flag_reasons(report):
        out.print("[bold yellow]flagged[/bold yellow]: a person would decide, because of this")
        _print_reasons(out, found)


def print_controls(certificate: Universality) -> None:
    """The certificate of universality as a table: every control with its skill against its bar."""
    table = Table(
        title=f"universality {percent(certificate.score)}", title_justify="left", box=None, padding=(0, 1)
    )
    for name in ("", "control"):
        table.add_column(name)
    for name in ("dimensions", "skill", "bar"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("against the bar", no_wrap=True)
    table.add_column("passed", no_wrap=True)
    for control in certificate.controls:
        table.add_row(
            _mark(control.passed),
            Text(control.name),
            dimensions(control.in_features, control.out_features),
            skill(control.best),
            skill(control.bar),
            _meter(control),
            _passed(control),
        )
    _console().print(table)


def _console() -> Console:
    """The console for reports; wide if it is a file or a pipe."""
    out = Console()
    return out if out.is_terminal else Console(width=_WIDE)


def _print_probes(out: Console, found: Integrity) -> None:
    """Print a line for each probe, cut at the terminal's width."""
    out.print(Text("probes", style="italic"))
    width = max(len(probe.name) for probe in found.probes)
    for probe in found.probes:
        mark = "[yellow]⚑[/yellow]" if probe.flagged and probe.passed else _mark(probe.passed)
        side = threshold_text(probe.name, probe.threshold)
        figures = f"  {probe.name:<{width}}  {figure(probe.figure):>9} {side:<16}"
        line = Text(" ") + Text.from_markup(mark) + Text.assemble(figures, probe.sentence)
        out.print(line, no_wrap=True, overflow="ellipsis", highlight=False)


def _print_reasons(out: Console, found: Sequence[RejectionReason]) -> None:
    for remedy, items in group_by_remedy(found):
        for item in items:
            out.print(
                Padding(
                    Text.assemble(f"{item.kind} ", (item.name, "bold"), f": {item.sentence}"), (0, 0, 0, 2)
                )
            )
        out.print(Padding(Text(f"→ {remedy}", style="dim"), (0, 0, 0, 4)))


def _meter(control: ControlResult) -> Text:
    """A bar as long as the skill, out of the larger of it and the reference, and the mark to be reached."""
    whole = max(control.reference, control.best, 0.01)
    filled, mark = (
        round(min(max(value / whole, 0.0), 1.0) * _METER) for value in (control.best, control.bar)
    )
    bar = Text("━" * filled, style="green" if control.passed else "red") + Text(
        "─" * (_METER - filled), style="dim"
    )
    mark = min(mark, _METER - 1)
    return bar[:mark] + Text("╋") + bar[mark + 1 :]


def _passed(control: ControlResult) -> str:
    tries = len(control.refits)
    if control.passed:
        return "yes" if tries <= 1 else f"yes, at the {ordinal(tries)} refit"
    return f"no, in {tries} refits" if tries > 1 else "no"


def _mark(passed: bool) -> str:
    return "[green]✓[/green]" if passed else "[red]✗[/red]"
