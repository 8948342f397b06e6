"""Consistency: do the same points get the same answers in every batch?

A model must be a function of the point. One that remembers earlier requests, or detects a probe by the size,
order or spacing of a batch, is not.
"""

import math
from itertools import pairwise
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from challenge.bundle.tensor_names import tensor_dtypes
from challenge.mandelbrot.coordinates import to_unit
from challenge.results.report import ProbeResult
from challenge.results.result_visuals import PlotData, Series
from challenge.scoring.season import Season
from evaluator.probes.case import Case, ProbeOutcome
from evaluator.sandbox.session import Session

Array = NDArray[np.float64]

NAME: Final = "consistency"
# Other batch sizes sum in another order. Honest networks of eight wide layers stay below these, by precision.
THRESHOLD: Final = 5e-3
HALF_THRESHOLDS: Final = {"F16": 2e-2, "BF16": 1e-1}
_HALF_NAMES: Final = {"F16": "float16", "BF16": "bfloat16"}
POINTS: Final = 4096
BATCHES: Final = (1, 7, 1000)
WHOLE_VIEWS: Final = 8
GRID: Final = 64


def largest_difference(first: Array, again: Array) -> float:
    """The largest difference of two answers (n,) at a point; 1 where only one of them is finite."""
    both = np.isfinite(first) & np.isfinite(again)
    if (np.isfinite(first) != np.isfinite(again)).any():
        return 1.0
    return float(np.abs(first[both] - again[both]).max(initial=0.0))


def half_precision(weights: bytes, answers: Array) -> str:
    """The coarser of the half precisions that a model computes in, "F16" or "BF16"; '' for none.

    Args:
        weights: a safetensors file whose header was checked.
        answers: what the model said; all of a half precision's values if it ends in one.
    """
    dtypes = tensor_dtypes(weights)
    finite = torch.from_numpy(answers[np.isfinite(answers)])
    for name, dtype in (("BF16", torch.bfloat16), ("F16", torch.float16)):
        if name in dtypes or (len(finite) and torch.equal(finite.to(dtype).double(), finite)):
            return name
    return ""


def threshold(weights: bytes, answers: Array) -> float:
    """The largest difference that is passed, see `half_precision`."""
    return HALF_THRESHOLDS.get(half_precision(weights, answers), THRESHOLD)


def result(differences: dict[str, float], half: str = "") -> ProbeResult:
    """The verdict on the largest differences by the way of asking.

    Args:
        differences: by the way of asking.
        half: the model's precision if that is a half one, see `half_precision`.
    """
    figure = max(differences.values())
    bound = HALF_THRESHOLDS.get(half, THRESHOLD)
    passed = figure <= bound
    if passed:
        sentence = (
            "The same points got the same answers in another order, in other batches, view by view, among"
        )
        sentence += " points of a grid, and in a second sandbox."
    else:
        ways = ", ".join(way for way, one in differences.items() if not one <= bound)
        sentence = (
            f"The same points got answers that differ by up to {figure:.2g} when asked again ({ways}). "
        )
        sentence += "It would pass with a forward that depends on the point and the weights alone, to "
        sentence += f"{bound:g}."
    if half and figure > THRESHOLD:
        sentence += (
            f" It computes in {_HALF_NAMES[half]}, whose rounding alone differs with the batch by up to "
        )
        sentence += f"{bound:g}: float32 answers the same to {THRESHOLD:g}."
    return ProbeResult(NAME, figure, bound, passed, flagged=False, sentence=sentence)


def plot(differences: dict[str, float], half: str = "") -> PlotData:
    """The largest difference of each way of asking."""
    places = tuple(float(place) for place in range(len(differences)))
    return PlotData(
        NAME,
        "asked again",
        "largest difference",
        (Series("this submission", places, tuple(differences.values())),),
        (("rejected above", HALF_THRESHOLDS.get(half, THRESHOLD)),),
        categories=tuple(differences),
    )


def in_batches(session: Session, season: Season, unit: Array, answers: Array) -> float:
    """The largest difference when some of the points are asked again in the same sandbox, in odd batches.

    Args:
        session: the one that gave the answers.
        season: draws which points.
        unit: (n, 2) points.
        answers: (n,) what it said.
    """
    again = season.generator("probe", NAME, "batches").permutation(len(unit))[:POINTS]
    edges = [0]
    for size, count in zip(BATCHES, (8, 8, math.ceil(len(again) / BATCHES[-1])), strict=True):
        edges += [edges[-1] + size * (i + 1) for i in range(count)]
    parts = [again[a:b] for a, b in pairwise(edges) if a < len(again)]
    said = np.concatenate([session.predict(unit[part])[:, 0] for part in parts])
    return largest_difference(answers[again], said)


def run(case: Case) -> ProbeOutcome:
    """Predict again in a second sandbox: in other orders, view by view, and among the points of a grid."""
    generator = case.season.generator("probe", NAME)
    unit = to_unit(case.views.points.reshape(-1, 2))
    answers = case.prediction.reshape(-1)
    some = generator.permutation(len(unit))[:POINTS]
    differences = {"in other batches": case.batch_difference}
    with case.start(case.bundle) as session:
        session.load()

        def apart(rows: NDArray[np.int64], said: Array) -> float:
            return largest_difference(answers[rows], said)

        differences["in a second sandbox"] = apart(some, session.predict(unit[some])[:, 0])
        differences["in another order"] = apart(some, session.predict(unit[some[::-1]])[::-1, 0])
        differences["view by view"] = max(
            apart(rows, session.predict(unit[rows])[:, 0]) for rows in _whole_views(case, generator)
        )
        differences["among a grid"] = apart(some, _among_a_grid(session, unit[some]))
    half = half_precision(case.bundle.weights, answers)
    return ProbeOutcome(result(differences, half), plot(differences, half))


def _whole_views(case: Case, generator: np.random.Generator) -> list[NDArray[np.int64]]:
    """Rows of some views, each from left to right."""
    chains, octaves, points = case.prediction.shape
    chosen = generator.permutation(chains * octaves)[:WHOLE_VIEWS]
    unit = case.views.points.reshape(-1, points, 2)
    return [view * points + np.argsort(unit[view, :, 0]) for view in chosen]


def _among_a_grid(session: Session, unit: Array) -> Array:
    """Answers (n,) at points that stand between those of a regular grid over the whole window."""
    steps = np.linspace(-1, 1, GRID)
    grid = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    both = np.concatenate([unit, grid])
    order = np.lexsort((both[:, 0], both[:, 1]))
    answers = np.empty(len(both))
    answers[order] = session.predict(both[order])[:, 0]
    return answers[: len(unit)]
