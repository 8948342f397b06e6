"""Every way an evaluation can stand or end, named once, with the sentence and the help people read."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Status(StrEnum):
    """Where an evaluation is, or how it ended."""

    QUEUED = "queued"
    VALIDATING = "validating"
    PREDICTING = "predicting"
    REFITTING = "refitting"
    PROBING = "probing"
    RENDERING = "rendering"
    SCORED = "scored"
    REJECTED = "rejected"
    FAILED = "failed"
    CANCELLED = "cancelled"
    DISQUALIFIED = "disqualified"

    @property
    def final(self) -> bool:
        """Whether nothing more happens by itself."""
        return self in FINAL


FINAL = frozenset({Status.SCORED, Status.REJECTED, Status.FAILED, Status.CANCELLED, Status.DISQUALIFIED})


class Fault(StrEnum):
    """Whose doing a failure is."""

    SUBMISSION = "submission"
    PLATFORM = "platform"


class Reason(StrEnum):
    """Why an evaluation failed."""

    ARCHIVE_UNREADABLE = "archive_unreadable"
    ARCHIVE_MEMBER_REFUSED = "archive_member_refused"
    ARCHIVE_TOO_LARGE = "archive_too_large"
    FILE_MISSING = "file_missing"
    MANIFEST_INVALID = "manifest_invalid"
    WEIGHTS_INVALID = "weights_invalid"
    WEIGHTS_DO_NOT_FIT = "weights_do_not_fit"
    MODEL_CODE_FAILED = "model_code_failed"
    BUILD_MISSING = "build_missing"
    BUILD_INVALID = "build_invalid"
    FORWARD_FAILED = "forward_failed"
    OUTPUT_SHAPE = "output_shape"
    OUTPUT_DTYPE = "output_dtype"
    OUTPUT_NOT_FINITE = "output_not_finite"
    FIT_FAILED = "fit_failed"
    TIME_EXCEEDED = "time_exceeded"
    EVALUATION_TIME_EXCEEDED = "evaluation_time_exceeded"
    MEMORY_EXCEEDED = "memory_exceeded"
    OUTPUT_FLOOD = "output_flood"
    EXITED = "exited"
    PROTOCOL_BROKEN = "protocol_broken"
    INCONSISTENT = "inconsistent"
    SANDBOX_UNAVAILABLE = "sandbox_unavailable"
    MACHINE_BUSY = "machine_busy"
    DISK_FULL = "disk_full"
    LEADERBOARD_UNREACHABLE = "leaderboard_unreachable"
    INTERNAL = "internal"


OUR_FAULT: Final = (
    "Nothing for you to do: it is tried again, by itself or by the operator, and costs you no quota."
)


@dataclass(frozen=True)
class Explanation:
    """How one reason is explained to people."""

    fault: Fault
    sentence: str
    help: str

    @property
    def for_author(self) -> str:
        """What the author of the submission can do; `help` is for the operator of the machine."""
        return OUR_FAULT if self.fault is Fault.PLATFORM else self.help


def _yours(sentence: str, help_: str) -> Explanation:
    return Explanation(Fault.SUBMISSION, sentence, help_)


def _ours(sentence: str, help_: str) -> Explanation:
    return Explanation(Fault.PLATFORM, sentence, help_)


EXPLANATIONS: dict[Reason, Explanation] = {
    Reason.ARCHIVE_UNREADABLE: _yours(
        "The file is not a zip archive that can be read.",
        "Make the bundle with `mbc pack DIR`, and send the file that it names.",
    ),
    Reason.ARCHIVE_MEMBER_REFUSED: _yours(
        "The bundle holds a file that it may not have.",
        "A bundle holds submission.toml, model.py, weights.safetensors, train.toml, README.md, helper "
        "modules (*.py) beside model.py, and frames/*.png. No pickle, no compiled code, no links, "
        "no other folders.",
    ),
    Reason.ARCHIVE_TOO_LARGE: _yours(
        "The bundle unpacks to more than its limit.",
        "Weights may take 256 MiB, every source file 1 MiB, all frames together 64 MiB. "
        "Half precision counts half.",
    ),
    Reason.FILE_MISSING: _yours(
        "The bundle lacks a file that it needs.",
        "submission.toml, model.py and weights.safetensors are needed. "
        "`mbc new DIR --from fourier` makes the first two, `mbc train DIR` the weights.",
    ),
    Reason.MANIFEST_INVALID: _yours(
        "submission.toml is not as it should be.",
        "It needs api = 1, name, author and description; license, url, method and paper are optional texts.",
    ),
    Reason.WEIGHTS_INVALID: _yours(
        "The weights cannot be read.",
        "Save the state dict with safetensors.torch.save_file, or let `mbc pack` convert a .pt file.",
    ),
    Reason.WEIGHTS_DO_NOT_FIT: _yours(
        "The weights do not load strictly into build(2, 1).",
        "Names, shapes and number of tensors must be those of build(2, 1).state_dict().",
    ),
    Reason.MODEL_CODE_FAILED: _yours(
        "model.py could not be imported.",
        "It runs alone, with torch, NumPy, SciPy, scikit-learn and the standard library, and no network. "
        "`mbc check PATH` shows the error.",
    ),
    Reason.BUILD_MISSING: _yours(
        "model.py has no function build(in_features, out_features).",
        "Define build(in_features: int, out_features: int) -> torch.nn.Module at the top level of model.py.",
    ),
    Reason.BUILD_INVALID: _yours(
        "build(in_features, out_features) failed or returned no torch.nn.Module.",
        "It must return a module for any number of features: a curve has 1 input, a picture of a digit 784.",
    ),
    Reason.FORWARD_FAILED: _yours(
        "The model raised an error in forward.",
        "forward receives (n, in_features) in [-1, 1] for any n. `mbc check PATH` shows the error.",
    ),
    Reason.OUTPUT_SHAPE: _yours(
        "The model's answer has the wrong shape.",
        "forward must return (n, out_features) for an input of (n, in_features).",
    ),
    Reason.OUTPUT_DTYPE: _yours(
        "The model's answer is not a real floating tensor.",
        "forward must return float16, bfloat16, float32 or float64.",
    ),
    Reason.OUTPUT_NOT_FINITE: _yours(
        "The model answers NaN or infinity everywhere.",
        "A prediction that is not finite counts as wrong by 1; here none was finite. "
        "Look at the weights: the training may have diverged.",
    ),
    Reason.FIT_FAILED: _yours(
        "Fitting the model to a control failed.",
        "fit(model, x, y, budget), or the platform's trainer where there is none, raised an error. "
        "`mbc check PATH --universal` shows it.",
    ),
    Reason.TIME_EXCEEDED: _yours(
        "The model took longer than its limit.",
        "See `mbc limits` for the seconds that importing, a request and a fit may take.",
    ),
    Reason.EVALUATION_TIME_EXCEEDED: _yours(
        "The evaluation took longer than all of it, or one of its stages, may take.",
        "See `mbc limits` for stage_seconds and evaluation_seconds. A `fit` that returns when it has learned "
        "enough, instead of using up its budget on each control, makes an evaluation short.",
    ),
    Reason.MEMORY_EXCEEDED: _yours(
        "The model took more memory than its limit.",
        "See `mbc limits`. The judge asks for at most 8,192 points at a time.",
    ),
    Reason.OUTPUT_FLOOD: _yours(
        "The model printed more than its limit.",
        "Remove print calls: nothing that a model prints is kept.",
    ),
    Reason.EXITED: _yours(
        "The model's process ended before it had answered.",
        "Look for sys.exit, os._exit, a crash in native code, or memory above the limit.",
    ),
    Reason.PROTOCOL_BROKEN: _yours(
        "The model's process answered something else than was asked.",
        "Leave the judge's file descriptors and modules alone.",
    ),
    Reason.INCONSISTENT: _yours(
        "The same points got different answers.",
        "A prediction may depend on the point alone: not on order, batch or earlier requests. "
        "Turn dropout and batch statistics off in eval mode.",
    ),
    Reason.SANDBOX_UNAVAILABLE: _ours(
        "The evaluator has no working sandbox, so it does not run other people's code.",
        "Install bubblewrap and allow user namespaces; `mbc doctor` says what is missing.",
    ),
    Reason.MACHINE_BUSY: _ours(
        "The evaluator's machine had too much other work to judge fairly.",
        "A `fit` of a submission's own has seconds of a clock, and got less than half of them. Run fewer "
        "workers on the machine, or none of its other work; the evaluation starts again by itself.",
    ),
    Reason.DISK_FULL: _ours(
        "The evaluator's disk is full or cannot be written.",
        "Free some space, or name another data directory; the evaluation starts again by itself.",
    ),
    Reason.LEADERBOARD_UNREACHABLE: _ours(
        "The evaluator could not reach the leaderboard.",
        "Check the server's address and the worker's token; the evaluation starts again by itself.",
    ),
    Reason.INTERNAL: _ours(
        "The evaluator made a mistake of its own.",
        "It starts again by itself, and the log says what happened.",
    ),
}


@dataclass(frozen=True)
class Refusal:
    """One broken rule, for people and programs; the rules are in `challenge.results.refusals`.

    Attributes:
        rule: id of the rule.
        where: file, member or function; '' if that says nothing.
        found: what was found there.
        right: what would be right.
        remedy: how to get there; a command or a line of code where there is one.
    """

    rule: str
    where: str
    found: str
    right: str
    remedy: str


class EvaluationError(Exception):
    """An evaluation cannot go on.

    Attributes:
        reason: one of the table above.
        detail: what exactly was wrong, in words of ours that may be shown to anybody.
        private: the submission's own words (a traceback); shown to the person at the local scorer alone.
        refusal: the broken rule, where it is finer than the reason.
    """

    def __init__(
        self, reason: Reason, detail: str = "", private: str = "", *, refusal: Refusal | None = None
    ) -> None:
        self.reason = reason
        self.detail = detail
        self.private = private
        self.refusal = refusal
        super().__init__(self.sentence)

    @property
    def fault(self) -> Fault:
        """Whose doing it is."""
        return EXPLANATIONS[self.reason].fault

    @property
    def sentence(self) -> str:
        """The sentence of the table, and the detail behind it."""
        return f"{EXPLANATIONS[self.reason].sentence} {self.detail}".strip()
