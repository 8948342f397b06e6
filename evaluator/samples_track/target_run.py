"""One submission on one target: its fit is recorded, its predictions are measured, its pictures drawn."""

import contextlib
import math
import time
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from challenge.imaging.pictures import error_image, model_image, png_bytes
from challenge.mandelbrot.coordinates import View
from challenge.results.result_visuals import PlotData, Series
from challenge.results.samples_report import Calibration, TargetResult
from challenge.results.stages import TargetFindings
from challenge.results.verdicts import EvaluationError, Fault, Reason, Status
from challenge.scoring.metrics import measure
from challenge.scoring.season import PRACTICE
from challenge.training.refit import Budget
from evaluator.predict import Prediction, predict_shuffled
from evaluator.probes import consistency
from evaluator.samples_track.fit_recorder import FitRecorder
from evaluator.samples_track.task import SamplesTask, TargetData
from evaluator.sandbox.session import Session
from evaluator.wall_limit import WallLimit
from evaluator.watch import Watch

Array = NDArray[np.float64]

# The base window in unit coordinates, as a view whose plane is the unit coordinates themselves.
SQUARE: Final = View((0.0, 0.0), 1)
PICTURE_PIXELS: Final = 128
SEED: Final = 0
# A fit gets at least this, where building used up the budget to the last moment.
LEAST_SECONDS: Final = 0.01
# A fit that ends for one of these reasons is judged on its last checkpoint; the value is its `ended`.
ENDED: Final = {
    Reason.TIME_EXCEEDED: "killed",
    Reason.FIT_FAILED: "failed",
    Reason.MEMORY_EXCEEDED: "failed",
    Reason.EXITED: "failed",
}


@dataclass(frozen=True)
class TargetRun:
    """One submission on one target.

    Attributes:
        seconds: of the fit's budget, on this machine.
        calibration: of this machine.
        index: of the target, starting at 0.
        wall: ends what runs for this evaluation.
    """

    task: SamplesTask
    watch: Watch
    data: TargetData
    seconds: float
    calibration: Calibration
    index: int
    wall: WallLimit

    def learn(self) -> TargetFindings:
        """Fit, then predict from the last checkpoint in another sandbox, measure, and draw.

        The budget covers all that runs of the submission until that checkpoint: importing, `build` and `fit`.

        Raises:
            EvaluationError: the submission could not be judged on this target.
        """
        began = time.monotonic()
        with self.wall.enforced():
            recorder, reason, used = self._fit()
            if recorder.last is None:
                raise self._with_target(EvaluationError(Reason.PROTOCOL_BROKEN))
            with self.task.start_prediction(self.seconds, self.wall) as session:
                session.load(recorder.last)
                found = self._measure(session, recorder, reason, used)
        return replace(found, took=time.monotonic() - began)

    def _fit(self) -> tuple[FitRecorder, Reason | None, float]:
        """Fit in a sandbox of its own; what was recorded, why it did not return, and seconds used."""
        recorder = FitRecorder(self.seconds, self._progress)
        samples = self.data.samples
        with self.task.start_fit(self.seconds, self.wall) as session:
            began = time.monotonic()
            try:
                session.build(2, 1, SEED)
                building = time.monotonic() - began
                recorder = FitRecorder(self.seconds, self._progress, used_before=building)
                budget = Budget(seconds=max(self.seconds - building, LEAST_SECONDS))
                session.fit(samples.x, samples.t[:, None], budget, SEED, recorder)
            except EvaluationError as error:
                if error.reason not in ENDED or recorder.last is None:
                    raise self._with_target(error) from error
                return recorder, error.reason, time.monotonic() - began
            return recorder, None, time.monotonic() - began

    def _with_target(self, error: EvaluationError) -> EvaluationError:
        if error.fault is Fault.PLATFORM:
            return error
        which = f"(On target {self.index + 1} of the samples track, before any checkpoint.)"
        return EvaluationError(error.reason, f"{error.detail} {which}".strip(), error.private)

    def _measure(
        self, session: Session, recorder: FitRecorder, reason: Reason | None, used: float
    ) -> TargetFindings:
        views = self.data.views
        self._status("predicting", 0.97)
        generator = self.task.season.generator("target", self.data.target.kind, "order")
        try:
            began = time.perf_counter()
            found = predict_shuffled(
                lambda sent: session.predict(sent)[:, 0], views.points.reshape(-1, 2), generator
            )
            per_second = len(found.sent) / (time.perf_counter() - began)
        except EvaluationError as error:
            raise (self._with_target(error) if error.reason is Reason.OUTPUT_NOT_FINITE else error) from error
        self._check_unchanged(session, found)
        scores = measure(views.truth, found.values.reshape(views.truth.shape))
        # A fit that returns is judged as it was then.
        judged_on = used if reason is None else recorder.last_seconds
        checkpoints = recorder.checkpoints - (1 if reason is None else 0)
        numbers, device = session.numbers, session.device
        film = self._draw(session, recorder, judged_on) if self.task.plan.pictures else ()
        # What a submission reports of a secret target must not reach its author.
        public = self.task.season == PRACTICE
        result = TargetResult(
            kind=self.data.target.kind,
            name=self.data.target.name if public else "",
            **scores.figures(),
            seconds=used,
            ended=ENDED[reason] if reason else "returned",
            reason=reason.value if reason else "",
            judged_on=judged_on,
            checkpoints=checkpoints,
            losses=tuple(recorder.losses) if public else (),
            film=film,
        )
        return TargetFindings(
            result=result,
            losses=self._losses(recorder),
            numbers=numbers,
            per_second=per_second,
            device=device,
            calibration=self.calibration,
            took=0.0,
        )

    def _check_unchanged(self, session: Session, found: Prediction) -> None:
        """Ask for the first points again: a model that learns while it answers says something else by now.

        Raises:
            EvaluationError: INCONSISTENT.
        """
        # The same batch as before, so that rounding is the same.
        count = self.task.limits.request_points
        again = session.predict(found.sent[:count])[:, 0]
        difference = consistency.largest_difference(found.answers[:count], again)
        if difference > consistency.THRESHOLD:
            raise EvaluationError(
                Reason.INCONSISTENT,
                f"(On target {self.index + 1} of the samples track, by up to {difference:.2g}.)",
            )

    def _losses(self, recorder: FitRecorder) -> PlotData | None:
        points = [(seconds, math.log10(loss)) for seconds, loss in recorder.losses if loss > 0]
        if not points:
            return None
        x, y = zip(*points, strict=True)
        series = Series(self.data.target.name, x, y)
        return PlotData(f"target {self.index + 1}", "seconds", "log₁₀ of its loss", (series,))

    def _draw(self, session: Session, recorder: FitRecorder, judged_on: float) -> tuple[float, ...]:
        """Draw the training film: a frame of each kept checkpoint, by one more sandbox, then the judged one.

        Returns:
            Seconds of each frame since the fit began.
        """
        self._status("drawing", 0.98)
        unit = SQUARE.grid(PICTURE_PIXELS)
        truth = self.data.target.values(unit)
        final = session.predict(unit)[:, 0]
        frames: list[tuple[float, Array]] = []
        if recorder.film:
            with (
                # A frame is no reason to fail: the film ends where its processor time does.
                contextlib.suppress(EvaluationError),
                self.task.start_prediction(self.seconds, self.wall) as other,
            ):
                for seconds, state in recorder.film:
                    if seconds < judged_on:
                        other.load(state)
                        frames.append((seconds, other.predict(unit)[:, 0]))
        frames.append((judged_on, final))
        name = f"samples/{self.index + 1}"
        for number, (_, prediction) in enumerate(frames):
            self.watch.picture(f"{name}/film-{number:02}.png", png_bytes(model_image(truth, prediction)))
        self.watch.picture(f"{name}/truth.png", png_bytes(model_image(truth, truth)))
        self.watch.picture(f"{name}/error.png", png_bytes(error_image(truth, final)))
        return tuple(seconds for seconds, _ in frames)

    def _progress(self, seconds: float, loss: float) -> None:
        text = "" if math.isnan(loss) or self.task.season != PRACTICE else f", loss {loss:.3g}"
        self._status(f"{seconds:.0f} of {self.seconds:.0f} s{text}", 0.95 * min(1.0, seconds / self.seconds))

    def _status(self, what: str, done: float) -> None:
        count = len(self.task.kinds)
        share = 0.95 * (self.index + done) / count
        self.watch.status(Status.REFITTING, share, f"target {self.index + 1} of {count}: {what}")
