"""`mbc check`: seconds that show whether a submission loads, answers, and answers the same again."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from challenge.bundle.imports import import_warnings
from challenge.bundle.reader import Bundle
from challenge.bundle.weights import count_numbers
from challenge.results.refusals import refuse, with_where
from challenge.results.report import Universality
from challenge.results.verdicts import EvaluationError, Reason, Status
from challenge.scoring.season import PRACTICE
from challenge.training.refit import Budget
from evaluator.frame_search import find_frame
from evaluator.preflight import require_device
from evaluator.probes.consistency import largest_difference, threshold
from evaluator.sandbox import Sandbox
from evaluator.sandbox.limits import Limits
from evaluator.sandbox.session import Session
from evaluator.universality import certify
from evaluator.watch import Watch

Array = NDArray[np.float64]

POINTS: Final = 1024
# How often the points are asked again: one random answer may fall near the first, four do not.
REPEATS: Final = 4
# One of each kind that the controls ask for: few inputs, several outputs, many inputs.
SHAPES: Final = ((1, 1), (2, 3), (64, 10))
# For a model that answers only after `fit`: as few points and seconds as a control may have.
FIT_POINTS: Final = 256
FIT_SECONDS: Final = 10.0
_NAMED: Final = 4


@dataclass(frozen=True)
class Checked:
    """A submission that loads and answers.

    Attributes:
        parameters: numbers in its weights.
        device: where it ran.
        universality: its certificate, if that was asked for.
        warnings: what will not be refused, and is probably not meant; sentences.
    """

    parameters: int
    device: str
    universality: Universality | None
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values that JSON can hold."""
        return {"valid": True} | dataclasses.asdict(self)


def check_bundle(
    bundle: Bundle, sandbox: Sandbox, watch: Watch, *, device: str, universal: bool, path: str = "DIR"
) -> Checked:
    """Load the weights, ask a few points twice, build other shapes; fit the practice controls if `universal`.

    Args:
        bundle: what is checked.
        sandbox: where its code runs.
        watch: receives progress.
        device: "auto", "cpu" or "cuda".
        universal: whether to fit the controls.
        path: where the bundle lies, for commands in the advice.

    Raises:
        EvaluationError: it does not load, does not answer, or answers differently when asked again.
        SettingError: this machine has no such device.
    """
    require_device(device)
    limits = Limits.from_environment()
    watch.status(Status.VALIDATING, 0.0, "loading the model")
    with sandbox.start(bundle, limits=limits, device=device) as session:
        warnings = [*import_warnings(bundle.sources), *_check_answers(bundle, session)]
        watch.status(Status.VALIDATING, 0.5, "asking points of the practice season")
        if found := find_frame(lambda x: session.predict(x)[:, 0]):
            warnings.append(found.sentence(path))
        for in_features, out_features in SHAPES:
            session.build(in_features, out_features, 0)
            _check_shape(session, in_features, out_features)
        used = session.device
    certificate = None
    if universal:
        code, one_thread = bundle.without_weights(), replace(limits, threads=1)
        certificate = certify(
            lambda: sandbox.start(code, limits=one_thread, device=device),
            PRACTICE,
            lambda done, what: watch.status(Status.REFITTING, done, what),
        ).result
    return Checked(count_numbers(bundle.weights), used, certificate, tuple(warnings))


def _points(features: int, count: int = POINTS) -> Array:
    return np.random.default_rng(0).uniform(-1, 1, (count, features))


def _check_answers(bundle: Bundle, session: Session) -> list[str]:
    """Ask the trained model: all points, again, in other batches, and of a second build with the weights."""
    points = _points(2)
    session.load()
    answers = session.predict(points)[:, 0]
    bound = threshold(bundle.weights, answers)
    finite = int(np.isfinite(answers).sum())
    if not finite:
        raise EvaluationError(Reason.OUTPUT_NOT_FINITE)
    again = [session.predict(points)[:, 0] for _ in range(REPEATS)]
    random = refuse(
        "answers.random",
        "The same points, asked again, got different answers: something in forward is random.",
        where="forward",
    )
    if any(largest_difference(answers, one) > bound for one in again):
        raise random
    # Within the bound by luck, it may still differ from call to call: then that explains what is found below.
    same = all(np.array_equal(answers, one, equal_nan=True) for one in again)
    if (batches := _check_batches(session, points, answers, bound)) is not None:
        raise batches if same else random
    seen = session.inspect()
    session.load()
    if largest_difference(answers, session.predict(points)[:, 0]) > bound:
        raise _outside_weights(seen.random_values) if same else random
    warnings = _seed_warnings(seeds=seen.seeds)
    if finite < len(answers):
        wrong = len(answers) - finite
        warnings.append(
            f"{wrong:,} of {len(answers):,} points got NaN or infinity, which counts as wrong by 1."
        )
    return warnings


def _check_batches(session: Session, points: Array, answers: Array, bound: float) -> EvaluationError | None:
    """Ask some of the points alone, few at a time, and in another order; the refusal if answers differ."""
    try:
        alone = session.predict(points[-1:])[:, 0]
    except EvaluationError as error:
        raise with_where(error, "forward, with a single point") from error
    differences = (
        largest_difference(answers[-1:], alone),
        largest_difference(answers[:7], session.predict(points[:7])[:, 0]),
        largest_difference(answers[::-1], session.predict(points[::-1])[:, 0]),
    )
    if max(differences) <= bound:
        return None
    return refuse(
        "answers.one-point",
        "A point alone or in another order got another answer than among others: forward looks at the batch.",
        where="forward",
    )


def _outside_weights(names: Sequence[str]) -> EvaluationError:
    """The refusal of a model whose answers depend on what the weights do not hold."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    listed = ", ".join(names[:_NAMED]) + more
    named = f": {listed}" if names else ""
    name = names[0].split("[")[0].split(" ")[0].rpartition(".")[2] if names else "waves"
    return refuse(
        "answers.outside-weights",
        "Built twice with the same weights, it answers differently: something random is not in the "
        f"weights{named}.",
        where=listed or "build",
        remedy=f'self.register_buffer("{name}", ...) in place of self.{name} = ...; then train again',
    )


def _check_shape(session: Session, in_features: int, out_features: int) -> None:
    """Ask a fresh model of another shape; one that cannot answer before its own `fit` is fitted first."""
    points = _points(in_features)
    try:
        session.predict(points)
    except EvaluationError as error:
        if error.reason is not Reason.FORWARD_FAILED or not session.own_fit:
            raise with_where(error, f"build({in_features}, {out_features})") from error
        x, y = points[:FIT_POINTS], np.random.default_rng(1).uniform(0, 1, (FIT_POINTS, out_features))
        session.fit(x, y, Budget(seconds=FIT_SECONDS), 0)
        session.predict(points)


def _seed_warnings(*, seeds: bool) -> list[str]:
    warning = (
        "build seeds torch's generator, so the three refits of a control begin with the same weights: "
        "remove manual_seed from build."
    )
    return [warning] if seeds else []
