"""Outside the sandbox: ask a submission's process to load, build, fit and predict, and measure what comes."""

import secrets
import selectors
import time
from dataclasses import dataclass
from socket import socket
from types import TracebackType
from typing import Final, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from challenge.bundle.limits import WEIGHTS_LIMIT
from challenge.results.verdicts import EvaluationError, Reason
from challenge.training.refit import CLASSIFICATION, Budget
from evaluator.sandbox import protocol
from evaluator.sandbox.cancellation import check_wanted
from evaluator.sandbox.contention import Contention, Deadline
from evaluator.sandbox.limits import MIB, Limits
from evaluator.sandbox.process import Process, ResourceUsage
from evaluator.sandbox.pumped import PumpedProcess

Array = NDArray[np.float64]

CHUNK: Final = 1 << 16
# The kernel needs a moment to let a process go on that has been given its answer's deadline.
GRACE_SECONDS: Final = 5.0
FIT_GRACE: Final = 1.1
TICK_SECONDS: Final = 1.0
# From a closed pipe to the end of the process that had it, where it ends.
ENDING_SECONDS: Final = 2.0
# A fit of a submission's own that took less of its budget did not end because of the clock.
_BOUND: Final = 0.5
# A step that has less than this left has none.
_LEAST_SECONDS: Final = 0.001
# Of READY and GO: nothing foreign has run before them.
_FIRST: Final = bytes(protocol.NONCE_BYTES)


@dataclass
class FitTimes:
    """What fits took.

    Attributes:
        seconds: by the clock.
        kept: in which other work of the machine kept them from running.
    """

    seconds: float = 0.0
    kept: float = 0.0


@dataclass(frozen=True)
class Inspection:
    """What a child says of its build.

    Attributes:
        seeds: whether build seeds torch's generator.
        random_values: names of what differs from build to build outside the state dict.
    """

    seeds: bool
    random_values: tuple[str, ...]


class FitWatch(Protocol):
    """Receives what the submission sends during a fit."""

    def checkpoint(self, state: bytes, seconds: float) -> None:
        """The model as it was then, for `Session.load` alone to read; `seconds` since the fit began."""

    def loss(self, loss: float, seconds: float) -> None:
        """The fit's own loss; may be anything, NaN too."""

    def waiting(self, seconds: float) -> None:
        """Called every second or so, whether the submission says anything or not."""


class Session:
    """A submission in a sandbox of its own, from GO to its end.

    Use as a context manager: leaving it ends every process inside. Every failure is an EvaluationError
    with its reason; `private` holds what the submission itself had to say.
    """

    def __init__(self, process: Process | PumpedProcess, limits: Limits) -> None:
        self._process = process
        self._limits = limits
        self._end = time.monotonic() + limits.total_seconds
        self._contention: Contention | None = None
        self._own_fit = False
        self._in_features = 0
        self._out_features = 0
        self.numbers = 0
        # Of the submission's own, those that are not watched and may have stopped because of the clock.
        self.own_fits = FitTimes()
        self._watched: tuple[FitWatch, float] | None = None
        self.device = "unknown"

    def __enter__(self) -> Self:
        try:
            start = self._limits.start_seconds
            ready = self._receive(_FIRST, protocol.READY.size, self._until(start), protocol.Op.READY)
            self._contention = Contention.of(self._process.outermost)
            self._send([protocol.header(_FIRST, protocol.Op.GO, 0)], self._until(GRACE_SECONDS))
        except EvaluationError as error:
            # Nothing of the submission has run yet: whatever went wrong is ours.
            said = self._process.said() or error.sentence
            self._process.end()
            used = self._process.used
            if used.killed:
                raise _killed(used, said, " while it started") from error
            raise EvaluationError(
                Reason.SANDBOX_UNAVAILABLE,
                f"It did not start, with {used.cpu_seconds:.1f} s of processor time: {said}",
            ) from error
        except BaseException:
            self._process.end()
            raise
        self.device = protocol.READY.unpack(ready)[0].rstrip(b"\0").decode("ascii", "replace")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.end()

    @property
    def pid(self) -> int:
        """The id of the outermost process, from which all others come."""
        return self._process.pid

    def load(self, weights: bytes = b"") -> int:
        """build(2, 1) with the submitted weights, or a checkpoint's; how many numbers, says the child."""
        payload = [weights] if weights else []
        answer = self._ask(protocol.Op.LOAD, payload, protocol.LOADED.size, self._limits.load_seconds)
        self._in_features, self._out_features = 2, 1
        self._own_fit, self.numbers = protocol.LOADED.unpack(answer)
        return self.numbers

    @property
    def own_fit(self) -> bool:
        """Whether the submission brings a `fit`, says the child; known after `load` or `build`."""
        return self._own_fit

    def build(self, in_features: int, out_features: int, seed: int) -> None:
        """A fresh model of another shape."""
        payload = [protocol.SHAPE.pack(in_features, out_features), protocol.SEED.pack(seed)]
        answer = self._ask(protocol.Op.BUILD, payload, protocol.BUILT.size, self._limits.load_seconds)
        self._own_fit, self.numbers = protocol.BUILT.unpack(answer)
        self._in_features, self._out_features = in_features, out_features

    def inspect(self) -> Inspection:
        """Build twice from different seeds; the child's word, for its author and never for a verdict."""
        answer = self._ask(protocol.Op.INSPECT, [], protocol.INSPECTED.size, self._limits.load_seconds)
        seeds, names = protocol.INSPECTED.unpack(answer)
        text = names.rstrip(b"\0").decode("utf-8", "replace")
        return Inspection(bool(seeds), tuple(text.splitlines()))

    def fit(self, x: Array, y: Array, budget: Budget, seed: int, watch: FitWatch | None = None) -> float:
        """Fit the model to x (n, in) in [-1, 1] and y (n, out) in [0, 1]; the seconds it took here.

        With a watch, the budget needs seconds, and they limit any fit.
        """
        assert x.shape == (len(y), self._in_features)
        assert y.shape[1] == self._out_features
        head = protocol.FIT.pack(
            len(x),
            self._in_features,
            self._out_features,
            seed,
            -1 if budget.steps is None else budget.steps,
            budget.seconds if budget.seconds is not None else self._limits.fit_seconds,
            budget.task == CLASSIFICATION,
            watch is not None,
        )
        seconds = self._limits.fit_seconds
        if self._own_fit and budget.seconds is not None:
            # A child that denies having a fit of its own gains no more than the platform's trainer has.
            seconds = FIT_GRACE * budget.seconds
        if watch is not None:
            assert budget.seconds is not None
            asked = self._until(self._limits.request_seconds)
            nonce = self._request(protocol.Op.FIT, [head, _raw(x), _raw(y)], asked)
            began = time.monotonic()
            self._watched = (watch, began)
            try:
                # By the clock alone, as it is for everybody: more time would be more learning.
                self._receive(nonce, 0, Deadline(began + FIT_GRACE * budget.seconds, self._end))
            finally:
                self._watched = None
            return time.monotonic() - began
        deadline = self._until(seconds + GRACE_SECONDS)
        began = time.monotonic()
        try:
            self._receive(self._request(protocol.Op.FIT, [head, _raw(x), _raw(y)], deadline), 0, deadline)
        finally:
            took = time.monotonic() - began
            if self._own_fit and budget.seconds is not None and took > _BOUND * budget.seconds:
                self.own_fits.seconds += took
                self.own_fits.kept += deadline.kept
        return took

    def begin_recipe(
        self, learning_rate: float, epsilon: float, *, bfloat16: bool, store_float16: bool
    ) -> None:
        """Prepare to train the model of `build` step by step, see `step`."""
        settings = protocol.RECIPE.pack(learning_rate, epsilon, bfloat16, store_float16)
        self._ask(protocol.Op.RECIPE, [settings], 0, self._limits.load_seconds)

    def step(self, x: Array, t: Array, weight: Array, done: float) -> Array:
        """Do one step of a training.

        Args:
            x: (n, 2) unit points.
            t: (n,) their targets.
            weight: (n,) of each squared error.
            done: used share of the budget, which the learning rate follows.

        Returns:
            The errors (n,) before it, as the child says.
        """
        payload = [protocol.STEP.pack(len(x), done), _raw(x), _raw(t), _raw(weight)]
        answer = self._ask(protocol.Op.STEP, payload, 8 * len(x), self._limits.request_seconds)
        return np.frombuffer(answer, "<f8")

    def state(self) -> bytes:
        """The weights in training, as the file would hold them; for `load` of another session alone to read.

        Raises:
            EvaluationError: PROTOCOL_BROKEN, where it sends none; or as all others.
        """
        last = _LastState()
        self._watched = (last, time.monotonic())
        try:
            self._ask(protocol.Op.STATE, [], 0, self._limits.request_seconds)
        finally:
            self._watched = None
        if not last.state:
            raise EvaluationError(Reason.PROTOCOL_BROKEN)
        return last.state

    def predict(self, x: Array) -> Array:
        """Answers (n, out_features) at x (n, in_features), as they are: not clipped, NaN stays NaN."""
        assert x.ndim == 2
        assert x.shape[1] == self._in_features
        answers = np.empty((len(x), self._out_features))
        for start in range(0, len(x), self._limits.request_points):
            part = x[start : start + self._limits.request_points]
            head = protocol.SHAPE.pack(*part.shape)
            length = 8 * len(part) * self._out_features
            answer = self._ask(protocol.Op.PREDICT, [head, _raw(part)], length, self._limits.request_seconds)
            answers[start : start + len(part)] = np.frombuffer(answer, "<f8").reshape(len(part), -1)
        return answers

    def _ask(self, op: protocol.Op, payload: list[bytes], length: int, seconds: float) -> bytes:
        deadline = self._until(seconds)
        return self._receive(self._request(op, payload, deadline), length, deadline)

    def _request(self, op: protocol.Op, payload: list[bytes], deadline: Deadline) -> bytes:
        nonce = secrets.token_bytes(protocol.NONCE_BYTES)
        self._send([protocol.header(nonce, op, sum(map(len, payload))), *payload], deadline)
        return nonce

    def _send(self, parts: list[bytes], deadline: Deadline) -> None:
        for part in parts:
            view = memoryview(part)
            while view:
                # A child that never reads must not hold the judge.
                self._wait(self._process.requests, selectors.EVENT_WRITE, deadline)
                try:
                    view = view[self._process.write(view[:CHUNK]) :]
                except BlockingIOError:
                    continue
                except ConnectionError:
                    raise self._ended() from None

    def _receive(
        self, asked: bytes, length: int, deadline: Deadline, expected: protocol.Op = protocol.Op.DONE
    ) -> bytes:
        watch, began = self._watched or (None, 0.0)
        while True:
            magic, nonce, op, claimed = protocol.HEADER.unpack(self._read(protocol.HEADER.size, deadline))
            if magic != protocol.MAGIC or nonce != asked:
                raise EvaluationError(Reason.PROTOCOL_BROKEN)
            if watch is not None and op == protocol.Op.CHECKPOINT and 0 < claimed <= WEIGHTS_LIMIT:
                watch.checkpoint(self._read(claimed, deadline), time.monotonic() - began)
            elif watch is not None and op == protocol.Op.LOSS and claimed == protocol.LOSS.size:
                (loss,) = protocol.LOSS.unpack(self._read(claimed, deadline))
                watch.loss(loss, time.monotonic() - began)
            else:
                break
        if (
            op == protocol.Op.FAILED
            and protocol.CODE.size <= claimed <= protocol.CODE.size + protocol.TEXT_LIMIT
        ):
            raise _failure(self._read(claimed, deadline))
        if op != expected or claimed != length:
            raise EvaluationError(Reason.PROTOCOL_BROKEN)
        return self._read(length, deadline)

    def _read(self, length: int, deadline: Deadline) -> bytes:
        buffer = bytearray()
        while len(buffer) < length:
            self._wait(self._process.replies, selectors.EVENT_READ, deadline)
            try:
                part = self._process.read(min(CHUNK, length - len(buffer)))
            except BlockingIOError:
                continue
            if not part:
                raise self._ended()
            buffer += part
        return bytes(buffer)

    def _wait(self, descriptor: int | socket, event: int, deadline: Deadline) -> None:
        """Until the descriptor is ready; reads off what the submission prints meanwhile."""
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, event)
            if not self._process.output_closed:
                selector.register(self._process.output, selectors.EVENT_READ)
            while True:
                left = deadline.left
                if left < _LEAST_SECONDS:
                    raise EvaluationError(Reason.TIME_EXCEEDED)
                check_wanted()
                ready = {key.fileobj for key, _ in selector.select(min(left, TICK_SECONDS))}
                if self._watched is not None and not ready:
                    watch, began = self._watched
                    watch.waiting(time.monotonic() - began)
                if self._process.output in ready and not self._process.drain(self._limits.output_bytes):
                    raise EvaluationError(
                        Reason.OUTPUT_FLOOD, f"It is {self._limits.output_bytes // 1024} KiB in all."
                    )
                if self._process.output_closed and self._process.output in selector.get_map():
                    selector.unregister(self._process.output)
                if descriptor in ready:
                    return

    def _until(self, seconds: float) -> Deadline:
        """So many seconds from now, besides those in which other work keeps the sandbox from running."""
        began = self._contention.now() if self._contention is not None else None
        return Deadline(time.monotonic() + seconds, self._end, self._contention, began)

    def _ended(self) -> EvaluationError:
        """Explain the child's exit from the kernel's counters, never from an exit code or its own output."""
        said = self._process.said()
        self._process.end(ENDING_SECONDS)
        used, limits = self._process.used, self._limits
        if used.oom_kills:
            detail = f"It is {limits.memory_bytes // MIB:,} MiB in all."
            return EvaluationError(Reason.MEMORY_EXCEEDED, detail, private=said)
        if used.cpu_seconds >= limits.cpu_seconds:
            detail = f"It is {limits.cpu_seconds:,} s of processor time in all."
            return EvaluationError(Reason.TIME_EXCEEDED, detail, private=said)
        if used.killed:
            return _killed(used, said)
        if not used.reported:
            return EvaluationError(Reason.INTERNAL, "Its sandbox's reaper failed.", private=said)
        return EvaluationError(Reason.EXITED, private=said)


class _LastState:
    """A `FitWatch` that keeps the last checkpoint."""

    state = b""

    def checkpoint(self, state: bytes, seconds: float) -> None:
        del seconds
        self.state = state

    def loss(self, loss: float, seconds: float) -> None: ...

    def waiting(self, seconds: float) -> None: ...


def _killed(used: ResourceUsage, said: str, when: str = "") -> EvaluationError:
    """Impossible from inside: no fault of the submission, and it is tried again."""
    what = "sandbox" if used.reported else "sandbox's reaper"
    return EvaluationError(Reason.INTERNAL, f"Its {what} was killed from outside{when}.", private=said)


def _raw(array: Array) -> bytes:
    return np.ascontiguousarray(array, dtype="<f8").tobytes()


def _failure(payload: bytes) -> EvaluationError:
    text = payload[protocol.CODE.size :].decode("utf-8", "replace")
    try:
        reason = Reason[protocol.Code(payload[0]).name]
    except ValueError:
        return EvaluationError(Reason.PROTOCOL_BROKEN)
    return EvaluationError(reason, private=text)
