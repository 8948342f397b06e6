"""The only rule, second half: is what was learned in the weights? Probes (contract, section 6).

Each probe is a pure function from figures measured on sandboxed predictions to a result with a threshold.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from challenge.report import Integrity, ProbeResult

Array = NDArray[np.float64]

# Half precision differs by a few 1e-3 between batch sizes, because sums are then taken in another order.
CONSISTENCY: Final = 5e-3


def consistency(first: Array, again: Array) -> ProbeResult:
    """Did the same points get the same answers, in another order, in other batches and in a second sandbox?

    Args:
        first: (n,) predictions.
        again: (n,) predictions at the same points, asked differently.
    """
    both = np.isfinite(first) & np.isfinite(again)
    differs = np.isfinite(first) != np.isfinite(again)
    figure = 1.0 if differs.any() else float(np.abs(first[both] - again[both]).max(initial=0.0))
    passed = figure <= CONSISTENCY
    return ProbeResult(
        name="consistency",
        figure=figure,
        threshold=CONSISTENCY,
        passed=passed,
        flagged=False,
        sentence="The same points, asked again in another order, in other batches and in a second sandbox, "
        + ("got the same answers." if passed else f"got answers that differ by up to {figure:.2g}."),
    )


def same_machine(loaded: int, counted: int) -> ProbeResult:
    """Do the weights belong to the architecture that was tested?

    Args:
        loaded: elements of the parameters and buffers of build(2, 1), which the weights loaded into strictly.
        counted: elements of the tensors in weights.safetensors, counted from its header by the judge.
    """
    return ProbeResult(
        name="same machine",
        figure=float(abs(loaded - counted)),
        threshold=0.0,
        passed=loaded == counted,
        flagged=False,
        sentence=f"The weights hold {counted:,} numbers, and build(2, 1) has {loaded:,}.",
    )


def summarise(probes: list[ProbeResult]) -> Integrity:
    """All probes together: passed when all are, flagged when one is."""
    return Integrity(
        passed=all(probe.passed for probe in probes),
        flagged=any(probe.flagged for probe in probes),
        probes=tuple(probes),
    )
