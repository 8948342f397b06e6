"""Capacity: does a submission resolve more octaves than learned models of its size do?"""

import math
from typing import Final

import numpy as np

from challenge.results.report import ProbeResult
from challenge.results.result_visuals import PlotData, Series
from evaluator.probes.case import Case, ProbeOutcome

NAME: Final = "capacity"
# The front of octaves against size of short honest trainings, and the margin above it from which on a person
# looks: longer trainings reach 2.2 above the front, formulas 9.
FRONT: Final = 6.8
SLOPE: Final = 0.375
ABOVE: Final = 5.0
SIZE: Final = 64 * 1024


def run(case: Case) -> ProbeOutcome:
    """Compare the score with the front."""
    return ProbeOutcome(result(case.octaves, case.bundle.size), plot(case.octaves, case.bundle.size))


def height(size: float) -> float:
    """Octaves above which a submission of `size` bytes is flagged."""
    return FRONT + SLOPE * math.log2(max(1.0, size) / SIZE) + ABOVE


def result(octaves: float, size: int) -> ProbeResult:
    """The verdict on a score and the bytes of sources and weights: a flag, never more."""
    above = height(size)
    flagged = not octaves <= above
    sentence = f"It resolves {octaves:.1f} octaves with {size:,} bytes; a person looks above {above:.1f}."
    return ProbeResult(NAME, octaves, above, passed=True, flagged=flagged, sentence=sentence)


def plot(octaves: float, size: int) -> PlotData:
    """The entry below or above the line, over sizes from a KiB to the heaviest."""
    sizes = tuple(float(2**power) for power in np.arange(10, 29))
    return PlotData(
        NAME,
        "bytes of sources and weights",
        "octaves",
        (
            Series("this submission", (float(size),), (octaves,)),
            Series("looked at by a person above", sizes, tuple(height(one) for one in sizes)),
        ),
        log_x=True,
    )
