"""The only rule, second half: is what was learned in the weights? Probes (docs/spec.md, section 6).

Each probe is a module with a pure function `result` from figures measured on sandboxed answers to a verdict
with its threshold, `plot`, its picture, and `run`, which asks in sandboxes of its own. What each can see and
cannot see: docs/integrity.md.
"""

from collections.abc import Callable, Sequence

from challenge.results.report import Integrity, ProbeResult
from challenge.results.result_visuals import PlotData
from evaluator.probes import capacity, consistency, dose, plasticity, scramble, twin, weights_match
from evaluator.probes.case import FULL_EFFORT, SMALL_EFFORT, Case, Effort, Probed

Progress = Callable[[float, str], None]


def run(case: Case, progress: Progress) -> tuple[Integrity, tuple[PlotData, ...]]:
    """Every probe, in the order in which they are shown.

    Args:
        case: the submission, as far as it has been judged.
        progress: told the share that is done and what is being asked.

    Raises:
        EvaluationError: the submission could not be judged.
    """
    probed = []

    def probe(name: str, share: float, act: Callable[[], Probed]) -> None:
        progress(share, f"probing: {name}")
        probed.append(act())

    probe(weights_match.NAME, 0.0, lambda: weights_match.run(case))
    probe(consistency.NAME, 0.0, lambda: consistency.run(case))
    probe(scramble.NAME, 0.1, lambda: scramble.run(case))
    probe(twin.NAME, 0.35, lambda: twin.run(case))
    probe(plasticity.NAME, 0.65, lambda: plasticity.run(case))
    probe(capacity.NAME, 0.8, lambda: capacity.run(case))
    probe(dose.NAME, 0.8, lambda: dose.run(case))
    return summarise([one.result for one in probed]), tuple(one.plot for one in probed)


def summarise(results: Sequence[ProbeResult]) -> Integrity:
    """All probes together: passed when all are, flagged when one is."""
    return Integrity(
        passed=all(one.passed for one in results),
        flagged=any(one.flagged for one in results),
        probes=tuple(results),
    )


__all__ = ["FULL_EFFORT", "SMALL_EFFORT", "Case", "Effort", "Probed", "run", "summarise"]
