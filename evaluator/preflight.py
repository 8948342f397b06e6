"""Quick checks before long work: does a submission load and answer, and can this machine judge?"""

import dataclasses
import os
import platform
from typing import TYPE_CHECKING, Any

from challenge.results.verdicts import EvaluationError
from challenge.util.exit_codes import SettingError
from evaluator import machine_checks
from evaluator.sandbox import find_sandbox, providers
from evaluator.sandbox.limits import Limits
from evaluator.sandbox.staging import require_temporary_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from evaluator.sandbox import Bubblewrap, Landlock


def require_device(device: str) -> None:
    """Check that this machine has the device ("auto", "cpu", "cuda" or "mps"): no submission is blamed.

    Raises:
        SettingError: it does not.
    """
    import torch  # noqa: PLC0415 - takes seconds

    if device == "cuda" and not torch.cuda.is_available():
        raise SettingError(
            "this machine has no CUDA device that torch can use; --device auto or cpu works everywhere"
        )
    if device == "mps" and not torch.backends.mps.is_available():
        raise SettingError("this machine has no Apple GPU that torch can use; --device cpu works everywhere")


def _works(make: "Callable[[], Bubblewrap | Landlock]") -> str:
    """Whether a provider works, and else what it lacks."""
    try:
        make().try_out()
    except EvaluationError as error:
        return error.detail
    return "works"


def examine() -> dict[str, Any]:
    """Findings about this machine for `mbc doctor`; `can_judge`: whether others' code may run here."""
    import torch  # noqa: PLC0415 - takes seconds

    findings: dict[str, Any] = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cores": os.cpu_count(),
        "swap": machine_checks.swap(),
        "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
    }
    try:
        require_temporary_folder()
        for name, make in providers(strangers=True).items():
            findings[f"provider {name}"] = _works(make)
        sandbox = find_sandbox(allow_unconfined=False)
    except EvaluationError as error:
        return findings | {"can_judge": False, "sandbox": error.sentence}
    return (
        findings
        | {"can_judge": True, "sandbox": sandbox.name}
        | {key: value for key, value in sandbox.describe().items() if key != "limits"}
        | {f"limit {key}": value for key, value in dataclasses.asdict(Limits.from_environment()).items()}
    )
