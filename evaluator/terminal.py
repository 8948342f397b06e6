"""What `mbc score` and `mbc check` show: a progress bar on stderr, and the report as tables."""

import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from challenge.bundle import Bundle
from challenge.evidence import Evidence
from challenge.report import Report, Universality
from challenge.verdicts import Status

BARS = " ▁▂▃▄▅▆▇█"


class ProgressBar:
    """A `Watch` that draws a bar on stderr, if that is a terminal, and keeps pictures in a folder."""

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
        """Keep a picture."""
        if self._pictures is not None:
            path = self._pictures / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(png)

    def evidence(self, evidence: Evidence) -> None:
        """Keep what is shown of controls and probes, beside the pictures."""
        if self._pictures is not None:
            self._pictures.mkdir(parents=True, exist_ok=True)
            (self._pictures / "evidence.json").write_text(evidence.to_json(), encoding="utf-8")


def spark(skill: tuple[float, ...]) -> str:
    """Skill by octave as a row of bars."""
    return "".join(BARS[round(s * (len(BARS) - 1))] for s in skill)


def print_report(bundle: Bundle, report: Report) -> None:
    """The report, for a person."""
    out = Console()
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
    if report.universality:
        print_controls(report.universality)
    if report.integrity:
        for probe in report.integrity.probes:
            out.print(f"  {_mark(probe.passed)} {probe.name}: {escape(probe.sentence)}", highlight=False)
    if report.verdict == "rejected":
        out.print(f"[bold red]rejected[/bold red]: {escape(report.sentence)}", highlight=False)
    elif report.universality:
        out.print("[bold green]scored[/bold green]: it would stand on the board.", highlight=False)


def print_controls(certificate: Universality) -> None:
    """The certificate of universality as a table."""
    table = Table(
        title=f"universality {certificate.score:.3f}", title_justify="left", box=None, padding=(0, 1)
    )
    for name, justify in (("", "left"), ("control", "left"), ("dimensions", "left"), ("skill", "right")):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]  # a literal, told by its table
    table.add_column("bar", justify="right")
    table.add_column("reference", justify="right")
    for control in certificate.controls:
        table.add_row(
            _mark(control.passed),
            control.name,
            f"{control.in_features} -> {control.out_features}",
            f"{max(control.refits):.3f}" if not control.passed else f"{control.refits[-1]:.3f}",
            f"{control.bar:.3f}",
            f"{control.reference:.3f}",
        )
    Console().print(table)


def _mark(passed: bool) -> str:
    return "[green]✓[/green]" if passed else "[red]✗[/red]"
