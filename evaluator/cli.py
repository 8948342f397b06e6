"""The evaluator's commands of `mbc`: score, check, worker and doctor."""

import json
import logging
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from challenge.bundle.advice import prefixes_of, with_advice
from challenge.bundle.imports import import_warnings
from challenge.bundle.reader import Bundle, read_bundle
from challenge.results import refusals
from challenge.results.verdicts import EvaluationError, Reason
from challenge.scoring.evaluation_set import EvaluationSize
from challenge.scoring.season import PRACTICE
from challenge.util import exit_codes, log_lines

if TYPE_CHECKING:
    from evaluator.api_client import TileClient
    from evaluator.sandbox import Sandbox

MOST_SAMPLES = 1 << 24
# Between two looks for an evaluation, where no queue wakes the worker.
_LOOK_SECONDS = 5.0
# The last is Apple's, where models of one's own alone are run.
OWN_DEVICES = ["auto", "cpu", "cuda", "mps"]
BUNDLE_REASONS = frozenset(
    {
        Reason.ARCHIVE_UNREADABLE,
        Reason.ARCHIVE_MEMBER_REFUSED,
        Reason.ARCHIVE_TOO_LARGE,
        Reason.FILE_MISSING,
        Reason.MANIFEST_INVALID,
        Reason.WEIGHTS_INVALID,
        Reason.WEIGHTS_DO_NOT_FIT,
        Reason.MODEL_CODE_FAILED,
        Reason.BUILD_MISSING,
        Reason.BUILD_INVALID,
        Reason.OUTPUT_SHAPE,
        Reason.OUTPUT_DTYPE,
        Reason.INCONSISTENT,
    }
)


def _end(error: EvaluationError, *, as_json: bool) -> None:
    """Print what went wrong, and exit with the code for it."""
    code = exit_codes.BUNDLE_INVALID if error.reason in BUNDLE_REASONS else exit_codes.FAILED
    # The model is the reader's own: its own words help most.
    error = with_advice(error)
    if as_json:
        click.echo(json.dumps(refusals.as_json(error)))
    if error.private:
        click.echo(error.private.rstrip(), err=True)
    click.echo(refusals.as_text(error), err=True)
    sys.exit(code)


def _end_with(ending: int | EvaluationError, *, as_json: bool) -> None:
    if isinstance(ending, EvaluationError):
        _end(ending, as_json=as_json)
    else:
        sys.exit(ending)


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


def _read(path: Path, *, as_json: bool) -> Bundle:
    try:
        return read_bundle(path)
    except EvaluationError as error:
        _end(error, as_json=as_json)
        raise  # not reached


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
        _end_with(score_samples(path, options, curve=curve), as_json=as_json)
    if seconds is not None or curve:
        raise click.UsageError("--seconds and --curve belong to --track samples.")
    from evaluator.certificate import DiskStore  # noqa: PLC0415 - torch takes seconds
    from evaluator.judge import Assignment, Evaluation  # noqa: PLC0415
    from evaluator.plan import EvaluationPlan  # noqa: PLC0415
    from evaluator.preflight import require_device  # noqa: PLC0415 - torch and numba take seconds
    from evaluator.sandbox import find_sandbox  # noqa: PLC0415
    from evaluator.terminal import ProgressBar, print_octaves, print_verdict  # noqa: PLC0415

    try:
        size = EvaluationSize(chains=EvaluationSize().chains if chains is None else chains)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--chains") from error
    require_device(device)
    bundle = _read(path, as_json=as_json)
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
        _end(error, as_json=as_json)
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

    bundle = _read(path, as_json=as_json)
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
        _end(error, as_json=as_json)
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


@click.command(
    epilog="Example: MBC_WORKER_TOKEN=... mbc worker --server https://board.example --broker redis://queue.example:6379/0"
)
@click.option("--server", required=True, help="Address of the leaderboard.")
@click.option("--broker", help="URL of the queue, like redis://host:6379/0; with --once none is needed.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True)
@click.option(
    "--tiles", is_flag=True, help="Draw tiles of judged models for the explorer; in place of judging."
)
@click.option(
    "--once", is_flag=True, help="Judge one evaluation and end: for a virtual machine that is thrown away."
)
@click.option(
    "--drain",
    type=click.FloatRange(0),
    default=60,
    show_default=True,
    help="Seconds to finish a stage in, when asked to stop.",
)
def worker(server: str, broker: str | None, device: str, *, tiles: bool, once: bool, drain: float) -> None:
    """Take evaluations from a leaderboard's queue and judge them, one after the other.

    The worker's token is read from the environment variable MBC_WORKER_TOKEN. SIGTERM or Ctrl-C lets it
    finish the stage that it is in; what is left, or all at a second signal, goes back to the queue at once.
    """
    from challenge.results.worker_info import WorkerInfo  # noqa: PLC0415
    from evaluator.api_client import EvaluationClient, TileClient  # noqa: PLC0415
    from evaluator.drain import Drain  # noqa: PLC0415
    from evaluator.preflight import require_device  # noqa: PLC0415 - torch and numba take seconds
    from evaluator.readiness import wait_for_sandbox  # noqa: PLC0415
    from evaluator.sandbox import Sandbox, find_sandbox, require_loopback  # noqa: PLC0415
    from evaluator.sandbox.limits import Limits  # noqa: PLC0415
    from evaluator.worker import Worker, machine_name, serve  # noqa: PLC0415

    if once and tiles:
        raise click.UsageError("--once and --tiles exclude each other.")
    if broker is None and not once:
        raise click.UsageError("--broker is missing; only --once does without a queue.")
    token = os.environ.pop("MBC_WORKER_TOKEN", "")
    if not token:
        raise click.UsageError("MBC_WORKER_TOKEN is not set: `mbc admin tokens new --worker` makes a token.")
    require_device(device)
    _log_to_stderr()
    log = logging.getLogger(__name__)
    client = EvaluationClient(server, token)

    def find() -> Sandbox:
        # Other people's code runs in a sandbox or not at all.
        sandbox = find_sandbox(allow_unconfined=False)
        require_loopback(sandbox, server)
        return sandbox

    def tell(reason: str) -> None:
        # Where both wait for it, the evaluator tells.
        if not tiles:
            client.introduce(WorkerInfo.of_idle(machine_name(), reason))

    work = "No tiles can be drawn" if tiles else "No evaluator can judge"

    def say(reason: str) -> None:
        log.error("%s on this machine: %s", work, reason)

    if once:
        try:
            sandbox = find()
        except EvaluationError as error:
            # Nobody waits for a machine that is thrown away.
            tell(error.detail)
            say(error.detail)
            sys.exit(exit_codes.FAILED)
    else:
        sandbox = wait_for_sandbox(find, say, tell)
    if tiles:
        assert broker is not None
        log.info("drawing tiles for %s in %s", server, sandbox.name)
        _draw_tiles(TileClient(server, token), broker, sandbox, device)
        return
    log.info("judging for %s in %s", server, sandbox.name)
    judge = Worker(client, sandbox, Limits.from_environment(), device, Drain(drain))
    if once:
        judge.work_once(lambda: time.sleep(_LOOK_SECONDS))
    else:
        assert broker is not None
        serve(broker, judge)


def _draw_tiles(client: "TileClient", broker: str, sandbox: "Sandbox", device: str) -> None:
    from evaluator import tiles  # noqa: PLC0415 - torch and numba take seconds
    from evaluator.sandbox.limits import Limits  # noqa: PLC0415

    tiles.serve(broker, tiles.TileRenderer(client, sandbox, Limits.from_environment(), device))


def _log_to_stderr() -> None:
    # A logger of its own, because Celery configures the root logger.
    log = logging.getLogger("evaluator")
    log.addHandler(log_lines.handler("evaluator"))
    log.setLevel(logging.INFO)
    log.propagate = False


@click.command(epilog="Example: MBC_WORKER_TOKEN=... mbc reproduce 17 --server https://board.example")
@click.argument("submission_id", metavar="ENTRY", type=int)
@click.option("--server", required=True, help="Address of the leaderboard.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True)
@click.option(
    "--hours",
    type=click.FloatRange(0.001, 1000.0),
    default=24.0,
    show_default=True,
    help="The longest that the training may take here.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def reproduce(submission_id: int, server: str, device: str, hours: float, *, as_json: bool) -> None:
    """For operators: train ENTRY again from scratch by its train.toml, and compare the octaves.

    Its code runs in the sandbox, step by step as `mbc train` does; points, clock and validation are the
    judge's. The result is posted: an entry that reaches its octaves again counts as verified, and ranks.

    The worker's token is read from the environment variable MBC_WORKER_TOKEN.
    """
    from challenge.util.exit_codes import TrainConfigError  # noqa: PLC0415
    from evaluator.preflight import require_device  # noqa: PLC0415 - torch and numba take seconds
    from evaluator.reproduction import cli as reproduction  # noqa: PLC0415
    from evaluator.reproduction.client import ReproductionClient  # noqa: PLC0415
    from evaluator.sandbox import find_sandbox  # noqa: PLC0415
    from evaluator.terminal import ProgressBar  # noqa: PLC0415

    token = os.environ.pop("MBC_WORKER_TOKEN", "")
    if not token:
        raise click.UsageError("MBC_WORKER_TOKEN is not set: `mbc admin tokens new --worker` makes a token.")
    require_device(device)
    try:
        with ProgressBar() as bar:
            answer = reproduction.reproduce(
                ReproductionClient(server, token),
                submission_id,
                find_sandbox(allow_unconfined=False),
                bar,
                device=device,
                most_seconds=3600 * hours,
            )
    except TrainConfigError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(exit_codes.BUNDLE_INVALID)
    except EvaluationError as error:
        _end(error, as_json=as_json)
        return
    click.echo(json.dumps(answer) if as_json else reproduction.sentence(answer))
    sys.exit(exit_codes.OK if answer["agrees"] else exit_codes.REJECTED)


@click.command(epilog="Example: mbc doctor --json")
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="A board's data directory: say whether other users can read it.",
)
@click.option("--mend", is_flag=True, help="Close --data to other users.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--install-apparmor-profile",
    "install_profile",
    is_flag=True,
    help="Let bubblewrap make its namespaces where Ubuntu's AppArmor forbids them; shows it and asks first.",
)
def doctor(data: Path | None, *, mend: bool, as_json: bool, install_profile: bool) -> None:
    """Show whether this machine can judge other people's submissions, its sandbox and its limits."""
    if install_profile:
        _install_apparmor_profile()
        return
    from evaluator.preflight import examine  # noqa: PLC0415 - torch takes seconds

    findings = examine()
    if data is not None:
        from evaluator.machine_checks import data_directory  # noqa: PLC0415

        findings["data directory"] = data_directory(data, mend=mend)
    if as_json:
        click.echo(json.dumps(findings))
    else:
        for name, value in findings.items():
            click.echo(f"{name:>18}  {value}")
    sys.exit(exit_codes.OK if findings["can_judge"] else exit_codes.FAILED)


def _install_apparmor_profile() -> None:
    from evaluator.sandbox import apparmor  # noqa: PLC0415 - a path that few take

    if not apparmor.restricts():
        click.echo("AppArmor does not restrict user namespaces here: nothing is to be installed.")
        return
    there = apparmor.existing()
    if there is not None:
        click.echo(f"AppArmor has a profile for bubblewrap already, {there}: it stays as it is.")
        return
    if os.geteuid() != 0:
        raise exit_codes.SettingError(
            f"only root can install it: `sudo {sys.executable} -m challenge.commands.cli doctor "
            "--install-apparmor-profile`"
        )
    click.echo(f"{apparmor.PROFILE}\nThis becomes {apparmor.FOLDER / apparmor.NAME}.")
    if click.confirm("Install it?"):
        click.echo(f"{apparmor.install()} is installed and in force.")
