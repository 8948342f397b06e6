"""Commands of `mbc` for who makes a model: score and check."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from challenge.bundle.advice import prefixes_of
from challenge.bundle.imports import import_warnings
from challenge.bundle.reader import Bundle, read_bundle
from challenge.results.verdicts import EvaluationError
from challenge.scoring.evaluation_set import EvaluationSize
from challenge.scoring.season import PRACTICE
from challenge.util import exit_codes
from evaluator.cli.endings import end_with, end_with_error, read_or_end

MOST_SAMPLES = 1 << 24
# The last is Apple's, where models of one's own alone are run.
OWN_DEVICES = ["auto", "cpu", "cuda", "mps"]


class Count(click.ParamType):  # type: ignore[type-arg]  # generic in newer versions of click alone
    """A number of samples, such as 1000000, 1_000_000 or 2^20."""

    name = "N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number; click's usage error if it is none."""
        if isinstance(value, int):
            return value
        base, _, power = str(value).replace("**", "^").partition("^")
        try:
            number = int(base) ** min(int(power), 64) if power else int(base)
        except ValueError:
            number = 0
        if not 2 <= number <= MOST_SAMPLES:
            self.fail(f"{value!r} is no number of 2 .. 2^24, like 1000000 or 2^20", param, ctx)
        return number


@click.command(epilog="Example: mbc score mine --quick")
@click.argument("path", type=click.Path(path_type=Path, exists=True))
@click.option("--quick", is_flag=True, help="Octaves only: no controls, no probes.")
@click.option("--device", type=click.Choice(OWN_DEVICES), default="auto", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print the whole report as JSON.")
@click.option(
    "--chains", type=int, help=f"Fewer than {EvaluationSize().chains} (samples: 32) for a rough look."
)
@click.option(
    "--pictures", type=click.Path(path_type=Path), help="Also draw the public places, into this folder."
)
@click.option(
    "--track",
    type=click.Choice(["open", "samples"]),
    default="open",
    show_default=True,
    help="samples: weights are learned here, on secret targets of which only random samples are given.",
)
@click.option("--seconds", type=float, help="Samples track: for each target; the class's own if not given.")
@click.option("--samples", "samples", type=Count(), default="2^20", show_default=True, help="Of each target.")
@click.option("--curve", is_flag=True, help="Samples track: octaves against samples, N = 2^14 .. 2^20.")
def score(
    path: Path,
    *,
    quick: bool,
    device: str,
    as_json: bool,
    chains: int | None,
    pictures: Path | None,
    track: str,
    seconds: float | None,
    samples: int,
    curve: bool,
) -> None:
    """Score the submission at PATH (a directory or a zip) on the practice season.

    The octaves are printed at once, controls and probes follow. What the controls find of your code is kept:
    after more training, only the weights are judged again. This is the judge's own code. Without bubblewrap
    your own model runs unconfined.
    """
    if track == "samples":
        from evaluator.samples_track.cli import Options, score_samples  # noqa: PLC0415 - torch takes seconds

        options = Options(device, seconds, samples, chains, quick=quick, as_json=as_json, pictures=pictures)
        end_with(score_samples(path, options, curve=curve), as_json=as_json)
    if seconds is not None or curve:
        raise click.UsageError("--seconds and --curve belong to --track samples.")
    from evaluator.assignment import Assignment  # noqa: PLC0415
    from evaluator.certificate import DiskStore  # noqa: PLC0415 - torch takes seconds
    from evaluator.judge import Evaluation  # noqa: PLC0415
    from evaluator.plan import EvaluationPlan  # noqa: PLC0415
    from evaluator.preflight import require_device  # noqa: PLC0415 - torch and numba take seconds
    from evaluator.sandbox import find_sandbox  # noqa: PLC0415
    from evaluator.terminal import ProgressBar, print_octaves, print_verdict  # noqa: PLC0415

    try:
        size = EvaluationSize(chains=EvaluationSize().chains if chains is None else chains)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--chains") from error
    require_device(device)
    bundle = read_or_end(path, as_json=as_json)
    try:
        task = Assignment(
            bundle=bundle,
            season=PRACTICE,
            sandbox=find_sandbox(allow_unconfined=True),
            plan=EvaluationPlan.open_track(size, quick=quick, pictures=pictures is not None),
            device=device,
            store=DiskStore.of_user(),
        )
        with ProgressBar(pictures) as bar:
            evaluation = Evaluation(task, bar)
            octaves = evaluation.octaves()
        if not as_json:
            print_octaves(bundle, octaves)
        if not quick:
            with ProgressBar(pictures) as bar:
                evaluation.watch = bar
                evaluation.certificate()
                evaluation.integrity()
                evaluation.pictures()
        report = evaluation.report()
    except EvaluationError as error:
        end_with_error(error, as_json=as_json)
        return
    if as_json:
        click.echo(report.to_json())
    else:
        print_verdict(report)
    for sentence in import_warnings(bundle.sources):
        click.echo(f"note: {sentence}", err=True)
    if report.suggestion is not None:
        click.echo(f"note: {report.suggestion.sentence(str(path))}", err=True)
    sys.exit(exit_codes.REJECTED if report.verdict == "rejected" else exit_codes.OK)


@click.command(epilog="Example: mbc check mine --universal")
@click.argument("path", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--universal", is_flag=True, help="Also fit the controls: would it clear them, before hours of training?"
)
@click.option("--device", type=click.Choice(OWN_DEVICES), default="auto", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--quiet", is_flag=True, help="Print nothing where all is well, except notes.")
@click.option("--mend", is_flag=True, hidden=True, help="Rename the tensors where one prefix makes them fit.")
def check(path: Path, *, universal: bool, device: str, as_json: bool, quiet: bool, mend: bool) -> None:
    """Say whether the submission at PATH is a valid bundle that loads and answers the same again.

    It takes a few seconds; `mbc pack` and `mbc submit` do it first.
    """
    from challenge.bundle.renaming import replace_prefix  # noqa: PLC0415
    from evaluator.bundle_check import Checked, check_bundle  # noqa: PLC0415 - torch takes seconds
    from evaluator.sandbox import find_sandbox  # noqa: PLC0415
    from evaluator.terminal import ProgressBar, print_controls  # noqa: PLC0415

    def run(bundle: Bundle) -> Checked:
        sandbox = find_sandbox(allow_unconfined=True)
        with ProgressBar() as bar:
            return check_bundle(bundle, sandbox, bar, device=device, universal=universal, path=str(path))

    bundle = read_or_end(path, as_json=as_json)
    try:
        try:
            checked = run(bundle)
        except EvaluationError as error:
            if not mend or len(prefixes := prefixes_of(error)) != 1:
                raise
            for sentence in replace_prefix(path / "weights.safetensors", *prefixes[0]):
                click.echo(sentence, err=True)
            bundle = read_bundle(path)
            checked = run(bundle)
    except EvaluationError as error:
        end_with_error(error, as_json=as_json)
        return
    certificate = checked.universality
    code = exit_codes.REJECTED if certificate and not certificate.passed else exit_codes.OK
    if as_json and not quiet:
        click.echo(json.dumps(checked.to_dict() | {"notes": bundle.notes}, allow_nan=False))
        sys.exit(code)
    for sentence in [*bundle.notes, *checked.warnings]:
        click.echo(f"note: {sentence}", err=True)
    if not quiet:
        click.echo(
            f"{bundle.manifest.name} is a valid bundle: {checked.parameters:,} numbers in the weights, "
            f"{bundle.size:,} bytes ({bundle.weight_class}); it loads and answers on {checked.device}."
        )
    if certificate:
        print_controls(certificate)
    if code:
        sys.exit(code)
