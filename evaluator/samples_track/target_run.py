"""One submission in front of one target: it is watched while it fits, judged, and drawn."""

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from challenge.imaging.pictures import error_image, model_image, png_bytes
from challenge.mandelbrot.coordinates import View
from challenge.results.result_visuals import PlotData, Series
from challenge.results.samples_report import TargetResult
from challenge.results.verdicts import EvaluationError, Fault, Reason, Status
from challenge.scoring.metrics import measure
from challenge.scoring.season import PRACTICE
from challenge.training.refit import Budget
from evaluator.judge import Watch
from evaluator.predict import ask
from evaluator.samples_track.fit_recorder import Journal
from evaluator.sandbox.session import Session

if TYPE_CHECKING:
    from evaluator.samples_track.judge import Lesson, SamplesTask

Array = NDArray[np.float64]

# The square of unit points, as a view whose plane is the unit coordinates themselves.
SQUARE: Final = View((0.0, 0.0), 1)
PICTURE_PIXELS: Final = 128
SEED: Final = 0
# A fit that ends like this is judged on its last checkpoint.
ENDED: Final = {
    Reason.TIME_EXCEEDED: "killed",
    Reason.FIT_FAILED: "failed",
    Reason.MEMORY_EXCEEDED: "failed",
    Reason.EXITED: "failed",
}


@dataclass(frozen=True)
class Learned:
    """What became of one target.

    Attributes:
        result: for the report.
        losses: as the fit reported them; what a submission says of a secret target. None where it said none.
        numbers: of the model.
        per_second: points predicted a second.
        device: where.
    """

    result: TargetResult
    losses: PlotData | None
    numbers: int
    per_second: float
    device: str


@dataclass(frozen=True)
class Learner:
    """One submission in front of one target.

    Attributes:
        seconds: of its budget, here.
        index: of the target, from 0.
    """

    task: "SamplesTask"
    watch: Watch
    lesson: "Lesson"
    seconds: float
    index: int

    def learn(self) -> Learned:
        """Fit, measure, and draw what was learned."""
        journal = Journal(self.seconds, self._tell)
        reason, used = None, 0.0
        with self.task.start() as session:
            try:
                session.build(2, 1, SEED)
                began = time.monotonic()
                used = self._fit(session, journal)
            except EvaluationError as error:
                if error.reason not in ENDED or journal.last is None:
                    raise self._named(error) from error
                reason, used = error.reason, time.monotonic() - began
            else:
                return self._judged(session, journal, None, used)
        with self.task.start() as session:
            assert journal.last is not None
            session.load(journal.last)
            return self._judged(session, journal, reason, used)

    def _fit(self, session: Session, journal: Journal) -> float:
        samples = self.lesson.samples
        return session.fit(samples.x, samples.t[:, None], Budget(seconds=self.seconds), SEED, journal)

    def _named(self, error: EvaluationError) -> EvaluationError:
        if error.fault is Fault.PLATFORM:
            return error
        which = f"(On target {self.index + 1} of the samples track, and no checkpoint was left.)"
        return EvaluationError(error.reason, f"{error.detail} {which}".strip(), error.private)

    def _judged(self, session: Session, journal: Journal, reason: Reason | None, used: float) -> Learned:
        views = self.lesson.views
        self._say("predicting", 0.97)
        generator = self.task.season.generator("target", self.lesson.target.kind, "order")
        try:
            said = ask(session, views.points.reshape(-1, 2), generator)
        except EvaluationError as error:
            raise (self._named(error) if error.reason is Reason.OUTPUT_NOT_FINITE else error) from error
        scores = measure(views.truth, said.prediction.reshape(views.truth.shape))
        judged_on = used if reason is None else journal.last_seconds
        film = self._draw(session, journal, judged_on) if self.task.pictures else ()
        # What a submission itself says of a secret target stays here, rather than reach its author.
        public = self.task.season == PRACTICE
        result = TargetResult(
            kind=self.lesson.target.kind,
            name=self.lesson.target.name if public else "",
            **scores.figures(),
            seconds=used,
            ended=ENDED[reason] if reason else "returned",
            reason=reason.value if reason else "",
            judged_on=judged_on,
            checkpoints=journal.checkpoints,
            losses=tuple(journal.losses) if public else (),
            film=film,
        )
        return Learned(result, self._losses(journal), session.numbers, said.per_second, session.device)

    def _losses(self, journal: Journal) -> PlotData | None:
        told = [(seconds, math.log10(loss)) for seconds, loss in journal.losses if loss > 0]
        if not told:
            return None
        x, y = zip(*told, strict=True)
        series = Series(self.lesson.target.name, x, y)
        return PlotData(f"target {self.index + 1}", "seconds", "log₁₀ of its loss", (series,))

    def _draw(self, session: Session, journal: Journal, judged_on: float) -> tuple[float, ...]:
        """The film: frames from checkpoints, loaded into one more sandbox; the judged state's is the last."""
        self._say("drawing", 0.98)
        unit = SQUARE.grid(PICTURE_PIXELS)
        truth = self.lesson.target.values(unit)
        final = session.predict(unit)[:, 0]
        frames: list[tuple[float, Array]] = []
        if journal.film:
            with self.task.start() as other:
                for seconds, state in journal.film:
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

    def _tell(self, seconds: float, loss: float) -> None:
        said = "" if math.isnan(loss) or self.task.season != PRACTICE else f", loss {loss:.3g}"
        self._say(f"{seconds:.0f} of {self.seconds:.0f} s{said}", 0.95 * min(1.0, seconds / self.seconds))

    def _say(self, what: str, done: float) -> None:
        count = len(self.task.kinds)
        share = 0.95 * (self.index + done) / count
        self.watch.status(Status.REFITTING, share, f"target {self.index + 1} of {count}: {what}")
