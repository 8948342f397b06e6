"""Explain why a report was rejected or flagged: each control and probe that decided it, and how to pass it.

The sentences are for people; no verdict is made here.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from challenge.results.formatting import dimensions, distinct_decimals
from challenge.results.report import ControlResult, ProbeResult, Report

# Below this a fit explains nothing of the data, as opposed to too little.
NOTHING_LEARNED: Final = 0.05
# From here on features of the inputs are what drowns a fit, not a lack of them.
MANY_INPUTS: Final = 5


@dataclass(frozen=True)
class RejectionReason:
    """One control or probe that a submission failed, or that flagged it.

    Attributes:
        kind: "control" or "probe".
        name: as in the report.
        sentence: the figures.
        remedy: what would make it pass; equal for reasons with the same cause.
    """

    kind: str
    name: str
    sentence: str
    remedy: str


_PROBES: Final = {
    "scramble": "A model whose weights are shuffled has to lose the set. What still draws it then stands in "
    "the code: keep in model.py only how to learn, and let what is known of the set be learned.",
    "twin": "The same build, trained from scratch, has to do as well on secret warps of the set as on the "
    "set itself. What helps with z² + c alone is knowledge of the target: take it out of build, fit and "
    "forward.",
    "plasticity": "Training that goes on from the submitted weights has to be able to learn something else. "
    "Let every part that answers be a part that gradients reach.",
    "same machine": "Pack the state dict of the build(2, 1) that model.py makes: all of its parameters and "
    "buffers, and nothing else. `mbc check` says what is missing or too much.",
    "consistency": "An answer has to depend on its point alone: no chance in forward, nothing kept from one "
    "request to the next, no statistics of the batch.",
    "dose": "A trace of shuffled weights takes more from it than from anything learned: something waits for "
    "exact values. Let the answer follow the weights smoothly, as training needs it.",
    "capacity": "It resolves more than an octave beyond what anything of its size learned while somebody "
    "watched. Proof is that an operator trains it again from its train.toml and it reaches its octaves again "
    "(`mbc reproduce`), or as many on the samples track. Submit a train.toml that leads to the weights.",
}
_UNKNOWN: Final = "What it asks, and what honest models show, is said where the probes are explained."


def rejection_reasons(report: Report) -> tuple[RejectionReason, ...]:
    """The controls, then the probes, that a report failed; empty where it failed none."""
    return tuple(_failed(report))


def flag_reasons(report: Report) -> tuple[RejectionReason, ...]:
    """The probes that flagged a report without failing it."""
    probes = report.integrity.probes if report.integrity else ()
    return tuple(_of_probe(probe) for probe in probes if probe.flagged and probe.passed)


def group_by_remedy(items: Iterable[RejectionReason]) -> tuple[tuple[str, tuple[RejectionReason, ...]], ...]:
    """Group reasons with the same remedy: (remedy, its reasons), in order of appearance."""
    found: dict[str, list[RejectionReason]] = {}
    for item in items:
        found.setdefault(item.remedy, []).append(item)
    return tuple((remedy, tuple(group)) for remedy, group in found.items())


def _failed(report: Report) -> Iterator[RejectionReason]:
    controls = report.universality.controls if report.universality else ()
    sees_many = any(control.passed and control.in_features >= MANY_INPUTS for control in controls)
    for control in controls:
        if not control.passed:
            yield _of_control(control, sees_many=sees_many)
    for probe in report.integrity.probes if report.integrity else ():
        if not probe.passed:
            yield _of_probe(probe)


def _of_control(control: ControlResult, *, sees_many: bool) -> RejectionReason:
    tries = len(control.refits)
    who = f"the best of {tries} refits" if tries > 1 else "its refit"
    best, bar = distinct_decimals(control.best, control.bar)
    sentence = (
        f"{dimensions(control.in_features, control.out_features)}, {who} reached {best}; it passes as soon "
        f"as one reaches {bar}."
    )
    return RejectionReason("control", control.name, sentence, _advice(control, sees_many=sees_many))


def _advice(control: ControlResult, *, sees_many: bool) -> str:
    if control.in_features >= MANY_INPUTS and sees_many:
        return (
            f"Other data of {MANY_INPUTS} inputs and more it does learn, so it sees them all; what it misses "
            "here bends: it needs units that bend, or more of them."
        )
    if control.in_features >= MANY_INPUTS:
        return (
            f"With {MANY_INPUTS} inputs and more, features drown what there is to learn: keep the raw inputs "
            "beside them, and let build choose fewer orders, lower frequencies or a plain network by "
            "in_features."
        )
    if control.best < NOTHING_LEARNED:
        return (
            "It learned next to nothing there. A line looks like this, which needs units that bend; so does "
            "an output that is not trained, an input that is not read, and a fit that moves the weights too "
            "little in a few hundred steps."
        )
    return (
        "It learns the outline and not the detail: it needs units that bend, or features whose frequencies "
        "build chooses for any number of inputs."
    )


def _of_probe(probe: ProbeResult) -> RejectionReason:
    return RejectionReason("probe", probe.name, probe.sentence, _PROBES.get(probe.name, _UNKNOWN))
