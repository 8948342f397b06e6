"""Stages of an evaluation: what each found is recorded as it ends, and never done again.

After the first stage on the open track the entry stands on the board as provisional, with its octaves and
their interval. On the samples track each target is a stage. After each stage the worker goes on, unless a
more urgent evaluation waits: then this one waits for its turn again.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from challenge.results.stages import (
    OPEN_STAGES,
    SAMPLES_STAGES,
    TARGET_STAGES,
    Certificate,
    IntegrityFindings,
    Stage,
    TargetFindings,
)
from challenge.scoring.tracks import Track
from leaderboard.clock import monotonic_utcnow
from leaderboard.config import Config
from leaderboard.errors import Refused
from leaderboard.models import Evaluation, ReportRow, StageRow, Submission
from leaderboard.services import deferral, queue_order, rankings
from leaderboard.services.leases import check_lease, wait_again
from leaderboard.services.outcomes import store_report
from leaderboard.services.reports import read_octaves

_READ: Final[dict[Stage, Callable[[Any], object]]] = {
    Stage.CERTIFICATE: Certificate.from_dict,
    Stage.INTEGRITY: IntegrityFindings.from_dict,
    **dict.fromkeys(TARGET_STAGES, TargetFindings.from_dict),
}


@dataclass(frozen=True)
class Recorded:
    """An evaluation after a stage.

    Attributes:
        go_on: whether the worker that holds it does the next stage; if not, its lease has ended.
    """

    evaluation: Evaluation
    go_on: bool


def record_stage(
    session: Session, config: Config, evaluation_id: int, lease: str | None, stage: Stage, values: Any
) -> Recorded:
    """Take what a stage found, from the worker that holds the evaluation. The same again changes nothing.

    Args:
        session: writes.
        config: says how long a lease is.
        evaluation_id: of an evaluation.
        lease: the worker's.
        stage: one of its track; pictures end with the report.
        values: {"found": what it found, "digest": a new certificate's digest, or null}.

    Raises:
        Refused: 409 for a lease that does not hold the evaluation, 422 for findings that cannot be taken.
    """
    evaluation = check_lease(session, evaluation_id, lease)
    values = values if isinstance(values, dict) else {}
    found: Any = values.get("found")
    digest = values.get("digest")
    if stage not in _of_track(evaluation):
        raise Refused(422, "stage_invalid", f"The {evaluation.track} track has no stage {stage}.")
    if stage is Stage.OCTAVES:
        if evaluation.octaves is None:
            store_report(session, evaluation, read_octaves(found, evaluation), found)
            session.flush()
            deferral.defer_beaten(session, config, evaluation)
            rankings.note_change(session, evaluation.season)
    elif stage in _READ:
        try:
            _READ[stage](found)
        except ValueError as error:
            raise Refused(422, "stage_invalid", f"The findings are invalid: {error}.") from error
        if session.get(StageRow, (evaluation_id, stage.value)) is None:
            body = json.dumps(found, allow_nan=False)
            session.add(
                StageRow(
                    evaluation_id=evaluation_id,
                    stage=stage.value,
                    digest=digest if stage is Stage.CERTIFICATE and isinstance(digest, str) else None,
                    body=body,
                )
            )
    else:
        raise Refused(422, "stage_invalid", f"The stage {stage} ends with the report.")
    session.flush()
    go_on = not (evaluation.deferred or queue_order.more_urgent_waits(session, evaluation, config.attempts))
    if go_on:
        evaluation.lease_until = monotonic_utcnow() + timedelta(seconds=config.lease_seconds)
    else:
        _release(session, evaluation)
    return Recorded(evaluation, go_on)


def _of_track(evaluation: Evaluation) -> tuple[Stage, ...]:
    return OPEN_STAGES if evaluation.track == Track.OPEN.value else SAMPLES_STAGES


def _release(session: Session, evaluation: Evaluation) -> None:
    """Let it wait for its turn again; that was no attempt that failed."""
    message = evaluation.message
    if not evaluation.deferred:
        learned = sum(stage in TARGET_STAGES for stage in done(session, evaluation))
        what = f"{learned} of {len(TARGET_STAGES)} targets learned" if learned else "Octaves measured"
        message = f"{what}; the rest follows in turn."
    wait_again(evaluation, message)


def findings(session: Session, evaluation: Evaluation) -> dict[str, Any]:
    """What the stages that are done have found, by stage, for the worker that goes on."""
    found: dict[str, Any] = {}
    report = session.get(ReportRow, evaluation.id)
    if report is not None:
        found[Stage.OCTAVES.value] = json.loads(report.body)
    rows = session.scalars(select(StageRow).where(StageRow.evaluation_id == evaluation.id))
    return found | {row.stage: json.loads(row.body) for row in rows}


def done(session: Session, evaluation: Evaluation) -> list[Stage]:
    """The stages that are done, in order; all of them for a judged evaluation."""
    if evaluation.state.final:
        return list(_of_track(evaluation)) if evaluation.octaves is not None else []
    if evaluation.claimed_at is None:
        return []
    rows = session.scalars(select(StageRow.stage).where(StageRow.evaluation_id == evaluation.id)).all()
    found = {*rows, *([Stage.OCTAVES.value] if evaluation.octaves is not None else [])}
    return [stage for stage in _of_track(evaluation) if stage.value in found]


def find_certificate(session: Session, digest: str) -> dict[str, Any] | None:
    """The certificate with this digest, and the evaluation that it was found in; None where there is none."""
    row = session.scalar(
        select(StageRow)
        .where(StageRow.stage == Stage.CERTIFICATE.value, StageRow.digest == digest)
        .order_by(StageRow.evaluation_id.desc())
        .limit(1)
    )
    return json.loads(row.body) | {"evaluation_id": row.evaluation_id} if row else None


def withdraw_certificates(session: Session, submission: Submission) -> int:
    """Let no later evaluation use the certificates that this submission was judged by; their number."""
    sources = {evaluation.id for evaluation in submission.evaluations}
    for evaluation in submission.evaluations:
        row = session.get(ReportRow, evaluation.id)
        source = json.loads(row.body).get("certificate_from") if row else None
        sources |= {source} if isinstance(source, int) else set()
    withdrawn = session.execute(
        update(StageRow)
        .where(StageRow.evaluation_id.in_(sources), StageRow.digest.is_not(None))
        .values(digest=None)
    )
    return int(withdrawn.rowcount)  # type: ignore[attr-defined]  # of an UPDATE
