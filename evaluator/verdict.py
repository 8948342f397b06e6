"""From what controls and probes found to the verdict, and to the sentences that explain it."""

from challenge.results.formatting import distinct_decimals
from challenge.results.report import ControlResult, Integrity, Universality
from challenge.results.verdicts import Status
from evaluator.reference_network import CONTROL_STEPS


def verdict(certificate: Universality | None, integrity: Integrity | None) -> Status:
    """SCORED, or REJECTED if a control or a probe was not passed; a part that is None was not asked for."""
    passed = all(part is None or part.passed for part in (certificate, integrity))
    return Status.SCORED if passed else Status.REJECTED


def explain_rejection(certificate: Universality | None, integrity: Integrity | None) -> str:
    """Why a submission is rejected, with the figures and what would make it pass; '' if it is not."""
    controls = [
        explain_control(one) for one in (certificate.controls if certificate else ()) if not one.passed
    ]
    probes = [one.sentence for one in (integrity.probes if integrity else ()) if not one.passed]
    if not controls and not probes:
        return ""
    broken = [
        *(["it must still be able to learn other data sets"] if controls else []),
        *(["what it answers must come from what it learned"] if probes else []),
    ]
    return " ".join([f"It broke the only rule: {', and '.join(broken)}.", *controls, *probes])


def explain_control(result: ControlResult) -> str:
    """One sentence on a control: its figures, and for a failed one what would make it pass."""
    what = f"Control {result.name}, {result.in_features} -> {result.out_features}"
    best, bar = distinct_decimals(result.best, result.bar)
    if result.passed:
        return f"{what}: skill {best}, the bar is {bar}."
    return (
        f"{what}: skill {best} at best in {len(result.refits)} refits; it passes with {bar} after "
        f"{CONTROL_STEPS} steps, or in the time that a fit of its own is given: half of what a plain network "
        "reaches."
    )
