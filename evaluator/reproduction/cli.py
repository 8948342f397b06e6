"""What `mbc reproduce` does, once its options are read."""

import hashlib
import platform
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from challenge.bundle.reader import Bundle, read_bundle
from challenge.results.repeated_training import RepeatedTraining
from challenge.results.verdicts import Status
from evaluator.assignment import Assignment
from evaluator.judge import judge
from evaluator.plan import EvaluationPlan
from evaluator.reproduction.client import Entry, ReproductionClient
from evaluator.reproduction.training import Repeated, repeat_training
from evaluator.sandbox import Sandbox
from evaluator.sandbox.limits import CORES, Limits
from evaluator.watch import Watch

WEIGHTS: Final = "weights.safetensors"


def reproduce(
    client: ReproductionClient,
    submission_id: int,
    sandbox: Sandbox,
    watch: Watch,
    *,
    device: str,
    most_seconds: float,
) -> dict[str, Any]:
    """Repeat an entry's training, measure the weights on the entry's season, and post the octaves.

    Args:
        client: of the leaderboard.
        submission_id: of an entry that was scored on the open track.
        sandbox: where the submission's code runs.
        watch: receives progress.
        device: "auto", "cpu" or "cuda".
        most_seconds: that the training may take by the clock.

    Returns:
        The leaderboard's answer: octaves of both, their difference, and whether they agree.

    Raises:
        TrainConfigError: there is no recipe that can be read.
        EvaluationError: it cannot be repeated or measured, or the leaderboard refuses.
    """
    entry = client.entry(submission_id)
    with tempfile.NamedTemporaryFile(suffix=".zip") as file:
        file.write(client.bundle(submission_id))
        file.flush()
        bundle = read_bundle(Path(file.name), trained=False)
    limits = Limits.from_environment()
    repeated = repeat_training(
        bundle,
        sandbox,
        limits,
        device=device,
        most_seconds=most_seconds,
        report=lambda done, line: watch.status(Status.REFITTING, 0.9 * done, line),
    )
    return client.post(
        entry.submission_id, _measured(entry, bundle, repeated, sandbox, limits, device, watch)
    )


def _measured(
    entry: Entry,
    bundle: Bundle,
    repeated: Repeated,
    sandbox: Sandbox,
    limits: Limits,
    device: str,
    watch: Watch,
) -> RepeatedTraining:
    trained = replace(bundle, files=bundle.files | {WEIGHTS: repeated.weights})
    plan = EvaluationPlan.open_track(entry.size, quick=True)
    report = judge(Assignment(trained, entry.season, sandbox, plan, limits, device), watch)
    return RepeatedTraining(
        entry.season.name,
        report.skill_by_chain,
        hashlib.sha256(repeated.weights).hexdigest(),
        repeated.steps,
        repeated.seconds,
        f"{platform.machine()}, {CORES} cores",
        report.device,
    )


def sentence(answer: dict[str, Any]) -> str:
    """The comparison, for people."""
    low, high = answer["difference"]
    found = (
        f"{answer['octaves']:.2f} octaves, submitted were {answer['submitted']:.2f}; the difference is "
        f"{low:+.2f} to {high:+.2f} (95 %)"
    )
    if answer["agrees"]:
        return f"Reproduced: {found}. The entry counts as verified."
    return f"Not reproduced: {found}. Nothing changes on the board; `mbc admin accept` decides."
