"""Short looks before the long ones: does a submission load and answer, and can this machine judge?"""

import dataclasses
import os
import platform
from dataclasses import dataclass
from typing import Any

import numpy as np

from challenge.bundle.reader import Bundle
from challenge.bundle.weights import count_numbers
from challenge.results.report import Universality
from challenge.results.verdicts import EvaluationError, Reason, Status
from challenge.scoring.season import PRACTICE
from challenge.util.exit_codes import SettingError
from evaluator.judge import Watch
from evaluator.sandbox import Sandbox, find_sandbox
from evaluator.sandbox.limits import Limits
from evaluator.universality import certify

POINTS = 1024
# One of each kind that the controls ask for: few inputs, several outputs, many inputs.
SHAPES = ((1, 1), (2, 3), (64, 10))


@dataclass(frozen=True)
class Checked:
    """A submission that loads and answers, and its certificate where that was asked for."""

    parameters: int
    device: str
    universality: Universality | None

    def to_dict(self) -> dict[str, Any]:
        """Plain values that JSON can hold."""
        return {"valid": True} | dataclasses.asdict(self)


def require_device(device: str) -> None:
    """See that this machine has the device ("auto", "cpu" or "cuda") before a submission is blamed for it.

    Raises:
        SettingError: it has none.
    """
    import torch  # noqa: PLC0415 - takes seconds

    if device == "cuda" and not torch.cuda.is_available():
        raise SettingError(
            "this machine has no CUDA device that torch can use; --device auto or cpu works everywhere"
        )


def check_answers(bundle: Bundle, sandbox: Sandbox, watch: Watch, *, device: str, universal: bool) -> Checked:
    """Load the weights, ask a few points, build other shapes; fit the practice controls if `universal`.

    Raises:
        EvaluationError: it does not load or does not answer.
        SettingError: this machine has no such device.
    """
    require_device(device)
    limits = Limits.from_environment()
    points = np.random.default_rng(0).uniform(-1, 1, (POINTS, max(SHAPES)[0]))
    watch.status(Status.VALIDATING, 0.0, "loading the model")
    with sandbox.start(bundle, limits=limits, device=device) as session:
        session.load()
        if not np.isfinite(session.predict(points[:, :2])).any():
            raise EvaluationError(Reason.OUTPUT_NOT_FINITE)
        for in_features, out_features in SHAPES:
            session.build(in_features, out_features, 0)
            session.predict(points[:, :in_features])
        used = session.device
    certificate = None
    if universal:
        certificate = certify(
            lambda: sandbox.start(bundle, limits=limits, device=device),
            PRACTICE,
            lambda done, what: watch.status(Status.REFITTING, done, what),
        ).result
    return Checked(count_numbers(bundle.weights), used, certificate)


def examine() -> dict[str, Any]:
    """What this machine has: for `mbc doctor`. `can_judge` says whether others' code may run here."""
    import torch  # noqa: PLC0415 - takes seconds

    findings: dict[str, Any] = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cores": os.cpu_count(),
        "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
    }
    try:
        sandbox = find_sandbox(allow_unconfined=False)
    except EvaluationError as error:
        return findings | {"can_judge": False, "sandbox": error.sentence}
    return (
        findings
        | {"can_judge": True, "sandbox": sandbox.name}
        | {key: value for key, value in sandbox.describe().items() if key != "limits"}
        | {f"limit {key}": value for key, value in dataclasses.asdict(Limits.from_environment()).items()}
    )
