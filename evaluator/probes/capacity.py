"""Capacity: does a submission resolve more octaves than what was really learned with its size?

The front is made of the references and of what somebody watched being learned: entries of the samples track,
and entries whose training the operator has repeated. More than one octave above it asks for the same proof.
"""

import math
from typing import Final

import numpy as np

from challenge.results.report import ProbeResult
from challenge.results.result_visuals import PlotData, Series
from evaluator.probes.case import Case, Front, ProbeOutcome

NAME: Final = "capacity"
# Bytes and octaves of the references that no smaller one surpasses (submissions/README.md).
REFERENCES: Final[Front] = (
    (47_916, 8.81),
    (234_462, 9.22),
    (331_913, 9.35),
    (1_044_666, 10.69),
    (3_708_668, 10.97),
    (8_380_691, 12.32),
    (36_996_715, 12.98),
)
# Octaves above the front from which on proof is asked for.
ABOVE: Final = 1.0
# Octaves that half of the bytes cost, for sizes below the smallest of the front.
SLOPE: Final = 0.375


def run(case: Case) -> ProbeOutcome:
    """Compare the score with the front."""
    size = case.bundle.size
    return ProbeOutcome(result(case.octaves, size, case.front), plot(case.octaves, size, case.front))


def learned(size: float, front: Front = ()) -> float:
    """Octaves that were learned with at most `size` bytes, by the references and by `front`."""
    known = [*REFERENCES, *front]
    smaller = [octaves for one, octaves in known if one <= size]
    if smaller:
        return max(smaller)
    smallest, octaves = min(known)
    return octaves - SLOPE * math.log2(smallest / max(1.0, size))


def height(size: float, front: Front = ()) -> float:
    """Octaves above which a submission of `size` bytes is flagged."""
    return learned(size, front) + ABOVE


def result(octaves: float, size: int, front: Front = ()) -> ProbeResult:
    """The verdict on a score and the bytes of sources and weights: a flag, never more."""
    above = height(size, front)
    flagged = not octaves <= above
    sentence = f"It resolves {octaves:.1f} octaves with {size:,} bytes, where "
    sentence += f"{learned(size, front):.1f} were learned while somebody watched"
    sentence += (
        f". More than {ABOVE:g} octave above that asks for proof: the same octaves when the operator repeats "
        "its train.toml, or on the samples track."
        if flagged
        else f"; proof is asked for above {above:.1f}."
    )
    return ProbeResult(NAME, octaves, above, passed=True, flagged=flagged, sentence=sentence)


def plot(octaves: float, size: int, front: Front = ()) -> PlotData:
    """The entry below or above the line, over sizes from a KiB to the heaviest."""
    sizes = tuple(float(2**power) for power in np.arange(10, 28.1, 0.25))
    return PlotData(
        NAME,
        "bytes of sources and weights",
        "octaves",
        (
            Series("this submission", (float(size),), (octaves,)),
            Series("asked for proof above", sizes, tuple(height(one, front) for one in sizes)),
        ),
        log_x=True,
    )
