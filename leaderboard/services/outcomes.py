"""How an evaluation ends by its worker's word: a report, or a failure that is final or tried again."""

import json
import logging
from datetime import timedelta
from typing import Any, Final

import numpy as np
from sqlalchemy import delete
from sqlalchemy.orm import Session

from challenge.results.rejection_reasons import flag_reasons
from challenge.results.report import Report
from challenge.results.samples_report import SamplesReport
from challenge.results.verdicts import EXPLANATIONS, Fault, Reason, Status
from leaderboard.config import Config
from leaderboard.errors import Refused
from leaderboard.models import Evaluation, ReportRow, Reproduction, StageRow
from leaderboard.services import artifacts, metrics
from leaderboard.services.evaluations import (
    MAX_DETAIL,
    clean_text,
    finalise,
    get,
    put_back,
    set_urgency,
)
from leaderboard.services.leases import check_lease
from leaderboard.services.reports import read_report, skill_table
from leaderboard.services.tokens import digest_of

log = logging.getLogger(__name__)

_LONGEST_WAIT: Final = 600.0


def record_report(session: Session, evaluation_id: int, lease: str | None, values: Any) -> Evaluation:
    """Take the report: the evaluation is scored or rejected. The same report again changes nothing."""
    evaluation = get(session, evaluation_id)
    session.refresh(evaluation, with_for_update=True)
    try:
        body = json.dumps(values, sort_keys=True, allow_nan=False)
    except ValueError as error:
        raise Refused(422, "report_invalid", "The report is invalid: it holds NaN or infinity.") from error
    digest = digest_of(body)
    known = session.get(ReportRow, evaluation_id)
    if evaluation.state.final and known is not None and known.digest == digest:
        return evaluation
    evaluation = check_lease(session, evaluation_id, lease)
    report = read_report(values, evaluation)
    if known is not None and not np.array_equal(
        skill_table(known.skill_by_chain, len(report.skill)), np.array(report.skill_by_chain)
    ):
        raise Refused(422, "report_invalid", "The report's skills are not those of its first stage.")
    store_report(session, evaluation, report, values)
    evaluation.detail = _verdict_detail(report)
    session.execute(
        delete(StageRow).where(StageRow.evaluation_id == evaluation_id, StageRow.digest.is_(None))
    )
    finalise(session, evaluation, Status(report.verdict))
    metrics.judged(session, evaluation, report)
    log.info(
        "evaluation %d is %s: %.3f octaves",
        evaluation.id,
        report.verdict,
        report.octaves,
        extra={"evaluation": evaluation.id, "submission": evaluation.submission_id},
    )
    return evaluation


def store_report(
    session: Session, evaluation: Evaluation, report: Report | SamplesReport, values: dict[str, Any]
) -> None:
    """Store a report and its figures, in place of the one of the first stage.

    Args:
        session: writes.
        evaluation: whose report.
        report: checked against what was asked.
        values: the same as the worker sent it.
    """
    body = json.dumps(values, sort_keys=True, allow_nan=False)
    row = session.get(ReportRow, evaluation.id) or ReportRow(evaluation_id=evaluation.id)
    row.digest, row.body = digest_of(body), body
    row.skill = np.array(report.skill, dtype="<f8").tobytes()
    row.skill_by_chain = np.array(report.skill_by_chain, dtype="<f8").tobytes()
    session.add(row)
    evaluation.octaves = report.octaves
    set_urgency(evaluation)
    evaluation.interval_low, evaluation.interval_high = report.interval
    evaluation.depth = report.depth
    evaluation.precision_db = report.precision_db
    evaluation.universality = report.universality.score if report.universality else None
    evaluation.parameters = report.parameters
    evaluation.predictions_per_second = report.predictions_per_second
    evaluation.device = clean_text(report.device)[:80]
    if isinstance(report, Report):
        evaluation.flagged = bool(report.integrity and report.integrity.flagged)
        evaluation.accepted_at = None
        again = session.get(Reproduction, (evaluation.submission_id, evaluation.season_id))
        evaluation.reproduced_at = again.at if again is not None and again.agrees else None
        evaluation.thumbnail = artifacts.deepest(session, evaluation.id, report.skill)
    else:
        evaluation.machine = report.calibration.machine


def _verdict_detail(report: Report | SamplesReport) -> str:
    if report.verdict == Status.REJECTED.value:
        return clean_text(report.sentence)[:MAX_DETAIL]
    names = [one.name for one in flag_reasons(report)] if isinstance(report, Report) else []
    return f"Flagged by {' and '.join(names)}." if names else ""


def record_failure(
    session: Session, config: Config, evaluation_id: int, lease: str | None, values: Any
) -> Evaluation:
    """Take a failure: final where the submission is at fault; queued again, a few times, where we are."""
    evaluation = get(session, evaluation_id)
    session.refresh(evaluation, with_for_update=True)
    values = values if isinstance(values, dict) else {}
    try:
        reason = Reason(values.get("reason"))
    except ValueError:
        # Unknown is our fault.
        reason = Reason.INTERNAL
    detail = clean_text(values.get("detail"))[:MAX_DETAIL]
    same = evaluation.reason == reason.value and evaluation.detail.startswith(detail)
    if evaluation.state is Status.FAILED and same and lease and evaluation.lease == digest_of(lease):
        return evaluation
    check_lease(session, evaluation_id, lease)
    fail_or_retry(session, evaluation, config, reason, detail)
    session.flush()
    return evaluation


def fail_or_retry(
    session: Session, evaluation: Evaluation, config: Config, reason: Reason, detail: str
) -> None:
    """End an evaluation that failed, or queue it again where we are at fault and may still try."""
    fault = EXPLANATIONS[reason].fault
    if fault is Fault.PLATFORM:
        log.warning(
            "evaluation %d, attempt %d of %d: %s %s",
            evaluation.id,
            evaluation.attempts,
            config.attempts,
            EXPLANATIONS[reason].sentence,
            detail,
        )
    if fault is Fault.PLATFORM and evaluation.attempts < config.attempts:
        # Each attempt waits longer: a full disk is not free again in a second.
        wait = min(config.sweep_seconds * 4 ** max(evaluation.attempts - 1, 0), _LONGEST_WAIT)
        put_back(evaluation, timedelta(seconds=wait))
        evaluation.message = (
            f"Attempt {evaluation.attempts} ended by our own fault; it starts again by itself."
        )
        evaluation.detail = ""
        return
    if reason is Reason.INTERNAL:
        detail = f"{detail} All {evaluation.attempts} attempts failed: an administrator can start it again."
    evaluation.reason = reason.value
    evaluation.fault = fault.value
    evaluation.detail = detail.strip()
    finalise(session, evaluation, Status.FAILED)
