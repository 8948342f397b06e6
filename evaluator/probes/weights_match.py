"""Same machine: do the weights belong to the `build(2, 1)` that was tested?"""

from challenge.bundle.weights import count_numbers
from challenge.results.report import ProbeResult
from challenge.results.result_visuals import PlotData, Series
from evaluator.probes.case import Case, ProbeOutcome

NAME = "same machine"


def run(case: Case) -> ProbeOutcome:
    """Compare what loaded with what the file holds."""
    counted = count_numbers(case.bundle.weights)
    return ProbeOutcome(result(case.loaded, counted), plot(case.loaded, counted))


def result(loaded: int, counted: int) -> ProbeResult:
    """The verdict.

    Args:
        loaded: elements of the parameters and buffers of build(2, 1), which the weights loaded into strictly.
        counted: elements of the tensors in weights.safetensors, counted from its header by the judge.
    """
    passed = loaded == counted
    # What build(2, 1) has is the submission's own word: in a sentence that is public it could say anything.
    sentence = (
        f"The weights hold {counted:,} numbers, and build(2, 1) has {'as many' if passed else 'others'}."
    )
    if not passed:
        sentence += " It would pass with weights that are the state dict of build(2, 1), all of it."
    return ProbeResult(NAME, float(abs(loaded - counted)), 0.0, passed, flagged=False, sentence=sentence)


def plot(loaded: int, counted: int) -> PlotData:
    """Both counts."""
    return PlotData(
        NAME,
        "",
        "numbers",
        (Series("numbers", (0.0, 1.0), (float(loaded), float(counted))),),
        categories=("build(2, 1)", "weights"),
    )
