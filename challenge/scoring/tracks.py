"""The two tracks a submission is judged on, and what the samples track gives it (docs/spec.md, section 6)."""

from enum import StrEnum
from typing import Final

from challenge.scoring.evaluation_set import EvaluationSize


class Track(StrEnum):
    """Where an entry stands."""

    OPEN = "open"
    SAMPLES = "samples"


# Each explained in one sentence.
SENTENCES: Final = {
    Track.OPEN: "Bring trained weights. How you got them is up to you; we take your word.",
    Track.SAMPLES: "The judge trains your model from scratch on secret targets. Only these scores count as "
    "records.",
}

CPU: Final = "cpu"
GPU: Final = "gpu"
# Seconds for one target by class of machine, on the machine that budgets are quoted for.
BUDGETS: Final = {CPU: 120.0, GPU: 60.0}
# Random samples of each target.
SAMPLES: Final = 1 << 20


def samples_size(size: EvaluationSize) -> EvaluationSize:
    """What each target is judged on in a season whose open track has `size`: half the chains and points.

    Three targets make up for the chains; the truth of these sets takes longer than the Mandelbrot set's.
    """
    return EvaluationSize(max(1, size.chains // 2), size.octaves, max(2, size.points // 2))
