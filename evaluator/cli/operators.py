"""Commands of `mbc` for who judges: worker, reproduce and doctor."""

import json
import logging
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from challenge.results.verdicts import EvaluationError
from challenge.util import exit_codes, log_lines
from evaluator.cli.endings import end_with_error

if TYPE_CHECKING:
    from evaluator.api_client import TileClient
    from evaluator.sandbox import Sandbox

# Between two looks for an evaluation, where no queue wakes the worker.
_LOOK_SECONDS = 5.0


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
    "--processes",
    type=click.IntRange(1, 256),
    default=1,
    show_default=True,
    help="Evaluations at a time; each takes two cores. Where there are GPUs, one process for each.",
)
@click.option(
    "--drain",
    type=click.FloatRange(0),
    default=60,
    show_default=True,
    help="Seconds to finish a stage in, when asked to stop.",
)
def worker(  # noqa: PLR0915 - imports that are slow, at the place where they are needed
    server: str,
    broker: str | None,
    device: str,
    *,
    tiles: bool,
    once: bool,
    processes: int,
    drain: float,
) -> None:
    """Take evaluations from a leaderboard's queue and judge them, in each process one after the other.

    The worker's token is read from the environment variable MBC_WORKER_TOKEN. SIGTERM or Ctrl-C lets it
    finish the stage that it is in; what is left, or all at a second signal, goes back to the queue at once.
    """
    if processes > 1:
        _run_processes(server, broker, device, processes, drain, single=tiles or once)
        return
    from challenge.results.worker_info import WorkerInfo  # noqa: PLC0415
    from evaluator.api_client import EvaluationClient, TileClient  # noqa: PLC0415
    from evaluator.celery_app import serve  # noqa: PLC0415
    from evaluator.drain import Drain  # noqa: PLC0415
    from evaluator.preflight import require_device  # noqa: PLC0415 - torch and numba take seconds
    from evaluator.readiness import wait_for_sandbox  # noqa: PLC0415
    from evaluator.sandbox import Sandbox, find_sandbox, require_loopback  # noqa: PLC0415
    from evaluator.sandbox.limits import Limits  # noqa: PLC0415
    from evaluator.worker import Worker, machine_name  # noqa: PLC0415

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


def _run_processes(
    server: str, broker: str | None, device: str, count: int, drain: float, *, single: bool
) -> None:
    """Run `mbc worker` so many times."""
    from evaluator import processes  # noqa: PLC0415

    if single:
        raise click.UsageError("--processes is for judging from a queue, without --once and --tiles.")
    if broker is None:
        raise click.UsageError("--broker is missing; only --once does without a queue.")
    if not os.environ.get("MBC_WORKER_TOKEN"):
        raise click.UsageError("MBC_WORKER_TOKEN is not set: `mbc admin tokens new --worker` makes a token.")
    _log_to_stderr()
    command = [sys.executable, "-m", "challenge.commands.cli", "worker", "--server", server]
    command += ["--broker", broker, "--device", device, "--drain", str(drain)]
    processes.run(command, count, gpu=device != "cpu")


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
        end_with_error(error, as_json=as_json)
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
