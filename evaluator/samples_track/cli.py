"""`mbc score --track samples`: the judge's own code on the practice season's targets, and the curve."""

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from challenge.bundle.imports import import_warnings
from challenge.bundle.reader import Bundle, read_bundle
from challenge.results.samples_report import SamplesReport
from challenge.results.verdicts import EvaluationError, Status
from challenge.scoring.evaluation_set import EvaluationSize
from challenge.scoring.season import PRACTICE
from challenge.targets import SIZE
from challenge.util import exit_codes
from evaluator.certificate import DiskStore
from evaluator.plan import EvaluationPlan
from evaluator.preflight import require_device
from evaluator.samples_track.judge import judge_samples
from evaluator.samples_track.task import SamplesTask
from evaluator.sandbox import find_sandbox
from evaluator.terminal import ProgressBar, print_controls, spark

CURVE: Final = tuple(1 << power for power in (14, 16, 18, 20))


@dataclass(frozen=True)
class Options:
    """Options of the command line; see `SamplesTask`."""

    device: str
    seconds: float | None
    samples: int
    chains: int | None
    quick: bool
    as_json: bool
    pictures: Path | None


def score_samples(path: Path, options: Options, *, curve: bool) -> int | EvaluationError:
    """Judge the submission at `path` and print the report; the exit code, or why it could not be judged."""
    require_device(options.device)
    if options.seconds is not None and not 0 < options.seconds <= 3600:
        raise click.BadParameter("is between 0 and 3600", param_hint="--seconds")
    try:
        size = EvaluationSize(chains=options.chains or SIZE.chains, points=SIZE.points)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--chains") from error
    try:
        bundle = read_bundle(path, trained=False)
        task = SamplesTask(
            bundle=bundle,
            season=PRACTICE,
            sandbox=find_sandbox(allow_unconfined=True),
            plan=EvaluationPlan.samples_track(
                size, quick=options.quick or curve, pictures=options.pictures is not None and not curve
            ),
            samples=options.samples,
            seconds=options.seconds,
            device=options.device,
            store=DiskStore.of_user(),
        )
        if curve:
            return _curve(bundle, task, options)
        with ProgressBar(options.pictures) as bar:
            report = judge_samples(task, bar)
    except EvaluationError as error:
        return error
    if options.as_json:
        click.echo(report.to_json())
    else:
        print_samples(bundle, report)
    for sentence in import_warnings(bundle.sources):
        click.echo(f"note: {sentence}", err=True)
    return exit_codes.REJECTED if report.verdict == Status.REJECTED.value else exit_codes.OK


def print_samples(bundle: Bundle, report: SamplesReport) -> None:
    """Print the report as text and tables."""
    out = Console()
    low, high = report.interval
    machine = report.calibration
    out.print(
        f"[bold]{escape(bundle.manifest.name)}[/bold] by {escape(bundle.manifest.author)}, samples track",
        highlight=False,
    )
    out.print(f"  [bold]{report.octaves:.3f}[/bold] octaves   [dim]95 % {low:.3f} .. {high:.3f}[/dim]")
    out.print(f"  skill by octave  0 │{spark(report.skill)}│ {len(report.skill) - 1}", highlight=False)
    out.print(
        f"  {report.samples:,} samples and {report.budget_seconds * machine.factor:.1f} s a target   "
        f"class {machine.machine}: a step takes {1e3 * machine.seconds:.2f} ms here, "
        f"{1e3 * machine.reference:.2f} ms on the reference: budgets are {machine.factor:.2f} times as long",
        highlight=False,
    )
    table = Table(box=None, padding=(0, 1))
    for name in ("target", "octaves", "95 %", "skill by octave", "fit", "checkpoints"):
        table.add_column(name, justify="left" if name in ("target", "skill by octave") else "right")
    for one in report.targets:
        ended = f", {one.ended} ({one.reason}): as it was at {one.judged_on:.1f} s" if one.reason else ""
        table.add_row(
            escape(one.name or one.kind),
            f"{one.octaves:.3f}",
            f"{one.interval[0]:.2f} .. {one.interval[1]:.2f}",
            spark(one.skill).rstrip(),
            f"{one.seconds:.1f} s{ended}",
            str(one.checkpoints),
        )
    out.print(table)
    out.print(
        f"  {report.predictions_per_second:,.0f} predictions/s on {report.device}   "
        f"{report.parameters:,} numbers   season {report.season}   sandbox {report.sandbox}   "
        f"{report.seconds:.0f} s in all",
        highlight=False,
    )
    if report.universality:
        print_controls(report.universality)
    if report.verdict == Status.REJECTED.value:
        out.print(f"[bold red]rejected[/bold red]: {escape(report.sentence)}", highlight=False)


def _curve(bundle: Bundle, task: SamplesTask, options: Options) -> int:
    """Judge it with fewer and fewer samples, and print octaves against samples; the exit code."""
    points: list[tuple[int, SamplesReport]] = []
    for samples in CURVE:
        if not options.as_json and sys.stderr.isatty():
            click.echo(f"{samples:,} samples", err=True)
        with ProgressBar() as bar:
            points.append((samples, judge_samples(replace(task, samples=samples), bar)))
    if options.as_json:
        click.echo(
            json.dumps({str(samples): report.to_dict() for samples, report in points}, allow_nan=False)
        )
        return exit_codes.OK
    out = Console()
    out.print(f"[bold]{escape(bundle.manifest.name)}[/bold]: octaves against samples", highlight=False)
    widest = max(report.octaves for _, report in points)
    for samples, report in points:
        low, high = report.interval
        bar_ = "█" * round(30 * report.octaves / max(widest, 1e-9))
        each = "  ".join(f"{one.octaves:.2f}" for one in report.targets)
        out.print(
            f"  2^{samples.bit_length() - 1}  {report.octaves:6.3f}  [dim]{low:.2f} .. {high:.2f}[/dim]  "
            f"{bar_}  [dim]{each}[/dim]",
            highlight=False,
        )
    if options.pictures is not None:
        options.pictures.mkdir(parents=True, exist_ok=True)
        target = options.pictures / "curve.png"
        draw_curve(bundle.manifest.name, points, target)
        out.print(f"  drawn into {target}", highlight=False)
    return exit_codes.OK


def draw_curve(name: str, points: list[tuple[int, SamplesReport]], path: Path) -> None:
    """Octaves against samples with their intervals, and each target's own, as a PNG."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - half a second, and only pictures need it

    figure = Figure(figsize=(6.4, 4.2), dpi=150, layout="constrained")
    axes = figure.subplots()
    x = [samples for samples, _ in points]
    for index, first in enumerate(points[0][1].targets):
        each = [report.targets[index].octaves for _, report in points]
        axes.plot(x, each, marker=".", lw=1, alpha=0.6, label=first.name or first.kind)
    mean = [report.octaves for _, report in points]
    apart = [
        [value - report.interval[0] for value, (_, report) in zip(mean, points, strict=True)],
        [report.interval[1] - value for value, (_, report) in zip(mean, points, strict=True)],
    ]
    axes.errorbar(x, mean, yerr=apart, color="black", marker="o", lw=2, capsize=3, label="mean, 95 %")
    axes.set_xscale("log", base=2)
    axes.set_xticks(x)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("random samples of each target")
    axes.set_ylabel("octaves")
    axes.set_title(f"{name}: octaves against samples")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=8)
    figure.savefig(path)
