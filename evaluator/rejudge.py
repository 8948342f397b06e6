"""The octaves of a bundle on any season, for `mbc verify`: the judge's first stage, confined as always."""

from pathlib import Path

from challenge.bundle.reader import read_bundle
from challenge.scoring.evaluation_set import EvaluationSize
from challenge.scoring.season import Season
from evaluator.assignment import Assignment
from evaluator.judge import judge
from evaluator.plan import EvaluationPlan
from evaluator.sandbox import find_sandbox
from evaluator.terminal import ProgressBar


def octaves(path: Path, season: Season, size: EvaluationSize) -> tuple[float, str]:
    """Octaves of a bundle, and the device that predicted.

    The bundle is a stranger's, so it never runs unconfined.

    Raises:
        EvaluationError: it cannot be judged here; says why.
    """
    sandbox = find_sandbox(allow_unconfined=False)
    with ProgressBar() as bar:
        task = Assignment(read_bundle(path), season, sandbox, EvaluationPlan.open_track(size, quick=True))
        report = judge(task, bar)
    return report.octaves, report.device
