"""The worker: takes evaluations from the queue, judges them, and posts the results to the leaderboard."""

import contextlib
import ctypes
import errno
import gc
import hashlib
import logging
import os
import platform
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from challenge.bundle.reader import Bundle, read_bundle
from challenge.results.report import Report
from challenge.results.samples_report import SamplesReport
from challenge.results.stages import TARGET_STAGES, Certificate, IntegrityFindings, Stage, TargetFindings
from challenge.results.verdicts import EvaluationError, Reason
from challenge.results.worker_info import WorkerInfo
from challenge.scoring.evaluation_set import EvaluationSize
from challenge.util import log_lines
from evaluator.api_client import Claim, EvaluationClient, LeaseLost, MachineStopped, Reporter
from evaluator.assignment import Assignment
from evaluator.calibration import MachineSpeed, machine_class
from evaluator.drain import Drain, Drained
from evaluator.judge import Evaluation
from evaluator.kept_predictions import KeptPredictions
from evaluator.plan import EvaluationPlan
from evaluator.samples_track.judge import SamplesEvaluation
from evaluator.samples_track.task import SamplesTask
from evaluator.sandbox import Sandbox
from evaluator.sandbox.limits import Limits
from evaluator.watch import Unwatched

log = logging.getLogger(__name__)

# From a season's size to what its evaluations ask.
OPEN_PLAN: Callable[[EvaluationSize], EvaluationPlan] = EvaluationPlan.open_track
SAMPLES_PLAN: Callable[[EvaluationSize], EvaluationPlan] = EvaluationPlan.samples_track


class ClaimStore:
    """The leaderboard's certificates, for one evaluation.

    A certificate that is made here is posted with its stage. `made` has its digest by then.
    """

    def __init__(self, client: EvaluationClient, claim: Claim) -> None:
        self._client = client
        self._claim = claim
        self.made: dict[Stage, str] = {}

    def find(self, digest: str) -> Certificate | None:
        """The certificate of equal code."""
        found = self._client.certificate(digest)
        # One of this very evaluation: an earlier attempt of it was interrupted.
        same = found is not None and found.evaluation_id == self._claim.evaluation_id
        return replace(found, evaluation_id=None) if found is not None and same else found

    def keep(self, digest: str, certificate: Certificate) -> None:
        """Note the digest."""
        del certificate
        self.made[Stage.CERTIFICATE] = digest


def machine_name() -> str:
    """A hash that tells machines apart without naming them."""
    return hashlib.sha256(f"{platform.node()} {os.getuid()}".encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Worker:
    """Judges evaluations of one leaderboard on this machine."""

    client: EvaluationClient
    sandbox: Sandbox
    limits: Limits
    device: str = "auto"
    drain: Drain = field(default_factory=lambda: Drain(0.0))
    predictions: KeptPredictions = field(default_factory=KeptPredictions)
    _told: set[str] = field(default_factory=set)

    @cached_property
    def machine_class(self) -> str:
        """What it takes from the queue: evaluations for its class, and those for any."""
        return machine_class(self.device)

    @cached_property
    def speed(self) -> MachineSpeed:
        """How fast this machine is."""
        return MachineSpeed(self.machine_class)

    @cached_property
    def _described(self) -> WorkerInfo:
        in_force = self.sandbox.describe(self.limits)
        in_force.pop("limits", None)
        return WorkerInfo(
            machine_name(),
            self.sandbox.name,
            in_force,
            self.limits.explain(),
            machine_class=self.machine_class,
        )

    @property
    def machine(self) -> WorkerInfo:
        """This machine, its class and speed, its sandbox and its limits, as people are shown them."""
        return replace(self._described, speed=round(self.speed(), 1))

    def work(self, stopping: Callable[[], bool] = lambda: False) -> None:
        """Judge the evaluations whose turn it is, until none waits or the process is about to stop."""
        self.client.introduce(self.machine)
        while not stopping() and not self.drain.asked():
            claim = self._claim_or_none()
            if claim is None:
                # Or it could not be claimed: no worker holds it then, and the leaderboard wakes one again.
                return
            self.evaluate(claim)
            give_memory_back()

    def work_once(self, pause: Callable[[], None]) -> None:
        """Judge one evaluation, or what of it is this worker's turn, and return.

        Args:
            pause: called while none waits.
        """
        self.client.introduce(self.machine)
        claim = None
        # A canary is no evaluation yet.
        while claim is None or claim.canary is not None:
            claim = self._claim_or_none()
            if claim is None:
                pause()
            else:
                self.evaluate(claim)

    def _claim_or_none(self) -> Claim | None:
        try:
            return self.client.claim_next(self.machine_class, machine_name())
        except MachineStopped as stopped:
            if str(stopped) not in self._told:
                log.error("%s", stopped)  # noqa: TRY400 - it is no error of the program
                self._told.add(str(stopped))
            return None
        except EvaluationError as error:
            log.warning("no evaluation could be claimed: %s", error.sentence)
            return None

    def evaluate(self, claim: Claim) -> None:
        """Judge one evaluation to its report; every failure is posted to the leaderboard."""
        with log_lines.identified(claim.trace):
            self._evaluate(claim)

    def _evaluate(self, claim: Claim) -> None:
        evaluation_id = claim.evaluation_id
        try:
            with self.drain.watching():
                if claim.canary is not None:
                    self._judge_canary(claim)
                else:
                    self._judge(claim)
        except Drained:
            self._give_back(claim)
        except LeaseLost as lost:
            log.info("evaluation %d was taken back: %s", evaluation_id, lost)
        except EvaluationError as error:
            log.info("evaluation %d failed: %s", evaluation_id, error.sentence)
            self._fail(claim, error)
        except OSError as error:
            log.exception("evaluation %d failed on this machine", evaluation_id)
            full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
            self._fail(claim, EvaluationError(Reason.DISK_FULL if full else Reason.INTERNAL))
        except Exception:
            log.exception("evaluation %d failed by an error of the evaluator", evaluation_id)
            self._fail(claim, EvaluationError(Reason.INTERNAL))

    def _judge_canary(self, claim: Claim) -> None:
        """Measure the octaves of an entry whose figures the leaderboard knows, and post them."""
        plan = OPEN_PLAN(claim.size)
        task = Assignment(self._bundle(claim), claim.season, self.sandbox, plan, self.limits, self.device)
        self.client.canary(claim, Evaluation(task, Unwatched()).octaves())
        log.debug("canary %d: judged", claim.canary)

    def _bundle(self, claim: Claim) -> Bundle:
        # A file without a name: nothing of it stays if this process is killed.
        with tempfile.TemporaryFile() as file:
            file.write(self.client.bundle(claim))
            file.flush()
            bundle = read_bundle(Path(f"/proc/self/fd/{file.fileno()}"), trained=claim.samples_budget is None)
        if claim.digest not in ("", bundle.digest):
            raise EvaluationError(
                Reason.INTERNAL, "The bundle that the leaderboard sent is not the one that was handed in."
            )
        return bundle

    def _judge(self, claim: Claim) -> None:
        with Reporter(self.client, claim) as reporter:
            bundle = self._bundle(claim)
            report: Report | SamplesReport | None = (
                self._judge_samples(claim, bundle, reporter)
                if claim.samples_budget
                else self._judge_open(claim, bundle, reporter)
            )
        if report is None:
            log.debug("evaluation %d, %s track: waits for its turn again", claim.evaluation_id, claim.track)
            return
        self.client.report(claim, report, self.speed())
        log.info(
            "evaluation %d, %s track, %s: %.3f octaves in %.1f s",
            claim.evaluation_id,
            claim.track,
            report.verdict,
            report.octaves,
            report.seconds,
        )

    def _judge_open(self, claim: Claim, bundle: Bundle, reporter: Reporter) -> Report | None:
        """Do the stages that are not done yet; None where the leaderboard lets a more urgent one go first."""
        store = ClaimStore(self.client, claim)
        plan = OPEN_PLAN(claim.size)
        task = Assignment(
            bundle, claim.season, self.sandbox, plan, self.limits, self.device, store, claim.front
        )
        found = claim.findings
        evaluation = Evaluation(
            task,
            reporter,
            octaves=Report.from_dict(found[Stage.OCTAVES]) if Stage.OCTAVES in found else None,
            certificate=_certificate(claim),
            integrity=(
                IntegrityFindings.from_dict(found[Stage.INTEGRITY]) if Stage.INTEGRITY in found else None
            ),
            measured=self.predictions.take(claim.evaluation_id),
        )
        todo: dict[Stage, Callable[[], Report | Certificate | IntegrityFindings]] = {
            Stage.OCTAVES: evaluation.octaves,
            Stage.CERTIFICATE: evaluation.certificate,
            Stage.INTEGRITY: evaluation.integrity,
        }
        for stage, act in todo.items():
            if stage in found:
                continue
            values = act().to_dict()
            if not self._finish_stage(claim, stage, values, store.made.get(stage)):
                if evaluation.measured is not None:
                    self.predictions.keep(claim.evaluation_id, evaluation.measured)
                return None
        evaluation.pictures()
        return evaluation.report()

    def _judge_samples(self, claim: Claim, bundle: Bundle, reporter: Reporter) -> SamplesReport | None:
        """Learn the targets that are not done yet; None where a more urgent evaluation goes first."""
        assert claim.samples_budget is not None
        store, found = ClaimStore(self.client, claim), claim.findings
        task = SamplesTask(
            bundle,
            claim.season,
            self.sandbox,
            SAMPLES_PLAN(claim.size),
            claim.samples_budget.samples,
            claim.samples_budget.seconds,
            limits=self.limits,
            device=self.device,
            store=store,
        )
        targets = {
            index: TargetFindings.from_dict(found[stage])
            for index, stage in enumerate(TARGET_STAGES)
            if stage in found
        }
        evaluation = SamplesEvaluation(task, reporter, targets, _certificate(claim))
        for index in evaluation.missing:
            values = evaluation.target(index).to_dict()
            if not self._finish_stage(claim, TARGET_STAGES[index], values):
                return None
        if Stage.CERTIFICATE not in found:
            values = evaluation.certificate().to_dict()
            digest = store.made.get(Stage.CERTIFICATE)
            if not self._finish_stage(claim, Stage.CERTIFICATE, values, digest):
                return None
        return evaluation.report()

    def _finish_stage(
        self, claim: Claim, stage: Stage, found: dict[str, Any], digest: str | None = None
    ) -> bool:
        """Post what a stage found; whether this worker goes on. Drained where it was asked to stop."""
        goes_on = self.client.finish_stage(claim, stage, found, self.speed(), digest)
        if goes_on and self.drain.asked():
            raise Drained
        return goes_on

    def _give_back(self, claim: Claim) -> None:
        """Let another worker go on at once; a canary is given again later."""
        if claim.canary is not None:
            return
        try:
            self.client.give_back(claim)
        except (LeaseLost, EvaluationError) as gone:
            log.warning("evaluation %d: its lease could not be given back: %s", claim.evaluation_id, gone)
        else:
            log.info("evaluation %d was given back", claim.evaluation_id)

    def _fail(self, claim: Claim, error: EvaluationError) -> None:
        try:
            if claim.canary is not None:
                self.client.canary(claim, error.reason)
                return
            self.client.failure(claim, error)
        except (LeaseLost, EvaluationError) as gone:
            # The lease expires, and the leaderboard queues it again.
            log.warning("evaluation %d: the failure could not be posted: %s", claim.evaluation_id, gone)


def _certificate(claim: Claim) -> Certificate | None:
    """The certificate that an earlier worker of this evaluation posted."""
    found = claim.findings.get(Stage.CERTIFICATE)
    return None if found is None else Certificate.from_dict(found)


def give_memory_back() -> None:
    """Return free memory of this process to the system, where its allocator can."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
