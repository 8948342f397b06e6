"""Canaries: now and then a machine judges a reference whose figures are known.

A claim hands out the reference in place of what waits, once a day for each machine, and first of all to one
that is new. Its octaves are measured and compared; nothing on the board changes. A machine that finds
something else is stopped: it gets no work until a person releases it.
"""

import logging
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import numpy as np
from sqlalchemy import delete, exists, func, select
from sqlalchemy.orm import Session

from challenge.results.report import Report
from challenge.results.verdicts import EXPLANATIONS, Fault, Reason, Status
from challenge.scoring.tracks import Track
from leaderboard import counters
from leaderboard.config import Config
from leaderboard.db import now, on_commit
from leaderboard.errors import Refused, conflict, not_found
from leaderboard.models import Canary, Evaluation, MachineRow, ReportRow, SeasonRow, Submission, Token, User
from leaderboard.services import audit, machines, settings
from leaderboard.services.reports import read_octaves, skill_by_octave
from leaderboard.services.tokens import digest_of

log = logging.getLogger(__name__)

# What other processors and versions of torch may change; entries are told apart by tenths of an octave.
OCTAVES_TOLERANCE: Final = 0.02
SKILL_TOLERANCE: Final = 0.02
# A board's first hour belongs to its references.
_KNOWN_FOR: Final = timedelta(hours=1)
# A canary that was not answered by then is given again.
_ANSWERED_WITHIN: Final = timedelta(minutes=15)
_REMEMBERED: Final = timedelta(days=90)


@dataclass(frozen=True)
class Given:
    """A canary and the secret of its lease; `evaluation` is the one that its figures are known from."""

    canary: Canary
    evaluation: Evaluation
    lease: str


def check_free(session: Session, holder: Token, name: str) -> None:
    """Refused with 403 for a machine that is stopped."""
    machine = machines.find(session, holder, name)
    if machine is not None and machine.stopped_at is not None:
        raise Refused(
            403,
            "machine_stopped",
            f"This machine gets no work: {machine.stopped_because}",
            f"When it is mended, an operator lets it go on: mbc admin release {name[:8]}",
        )


def give_if_due(session: Session, config: Config, holder: Token, name: str) -> Given | None:
    """A canary for a machine whose turn it is; None where it is not, or no figures are known yet."""
    machine = machines.find(session, holder, name)
    if machine is None or not config.canary_hours or settings.paused(session) is not None:
        return None
    moment = now()
    last = session.scalar(
        select(Canary).where(Canary.machine_id == machine.id).order_by(Canary.given_at.desc()).limit(1)
    )
    if last is not None:
        pause = timedelta(hours=config.canary_hours) if last.ended_at else _ANSWERED_WITHIN
        if last.given_at + pause > moment:
            return None
    evaluation = _known(session)
    if evaluation is None:
        return None
    session.execute(delete(Canary).where(Canary.given_at < moment - _REMEMBERED))
    lease = secrets.token_urlsafe(24)
    canary = Canary(machine_id=machine.id, evaluation_id=evaluation.id, lease=digest_of(lease))
    session.add(canary)
    session.flush()
    return Given(canary, evaluation, lease)


def _known(session: Session) -> Evaluation | None:
    """One of the references' results in the open season, by chance: no machine can expect a certain one."""
    return session.scalar(
        select(Evaluation)
        .join(Evaluation.submission)
        .join(Evaluation.season)
        .join(User, User.id == Submission.user_id)
        .where(
            User.reference,
            Submission.hidden_at.is_(None),
            SeasonRow.ranked,
            SeasonRow.closed_at.is_(None),
            Evaluation.track == Track.OPEN.value,
            Evaluation.status == Status.SCORED.value,
            Evaluation.finished_at < now() - _KNOWN_FOR,
            exists().where(ReportRow.evaluation_id == Evaluation.id),
        )
        .order_by(func.random())
        .limit(1)
    )


def held(session: Session, canary_id: int, lease: str | None) -> Evaluation:
    """The evaluation that a canary repeats, for who holds its lease; Refused with 404 or 409."""
    return session.get_one(Evaluation, _held(session, canary_id, lease).evaluation_id)


def _held(session: Session, canary_id: int, lease: str | None) -> Canary:
    canary = session.get(Canary, canary_id, with_for_update=True)
    if canary is None:
        raise not_found("canary")
    if not lease or canary.lease != digest_of(lease) or canary.ended_at is not None:
        raise conflict("lease_lost", f"This lease does not hold canary {canary_id}.")
    return canary


def answer(session: Session, holder: Token, canary_id: int, lease: str | None, values: Any) -> bool:
    """Compare what a machine found with what is known; whether it is the same.

    Args:
        session: writes.
        holder: the worker's token.
        canary_id: which canary.
        lease: the secret that came with it.
        values: {"found": an unjudged report}, or {"reason": why it could not be judged}.
    """
    canary = _held(session, canary_id, lease)
    evaluation = session.get_one(Evaluation, canary.evaluation_id)
    name = evaluation.submission.name
    values = values if isinstance(values, dict) else {}
    if "found" not in values:
        reason = _reason(values.get("reason"))
        if EXPLANATIONS[reason].fault is Fault.PLATFORM:
            # It says so itself, of every entry, and is asked again later.
            log.warning("a machine could not judge its canary: %s", EXPLANATIONS[reason].sentence)
            return True
        wrong = f"it could not judge {name!r}, which is judged well: {EXPLANATIONS[reason].sentence}"
    else:
        try:
            report = read_octaves(values["found"], evaluation)
            canary.octaves = report.octaves
            wrong = _difference(session, evaluation, report)
        except Refused as error:
            wrong = f"what it posted of {name!r} cannot be read. {error.message}"
    canary.ended_at = now()
    on_commit(session, lambda: counters.CANARIES.labels("differed" if wrong else "same").inc())
    if wrong:
        _stop(session, holder, canary.machine, wrong)
    return not wrong


def _reason(text: Any) -> Reason:
    try:
        return Reason(text)
    except ValueError:
        return Reason.INTERNAL


def _difference(session: Session, evaluation: Evaluation, report: Report) -> str:
    """How a report differs from what is known, in words; '' where it does not."""
    known = np.array(skill_by_octave(session, evaluation))
    off = np.abs(np.array(report.skill) - known)
    if abs(report.octaves - known.sum()) <= OCTAVES_TOLERANCE and off.max() <= SKILL_TOLERANCE:
        return ""
    worst = int(off.argmax())
    return (
        f"it measured {report.octaves:.3f} octaves of {evaluation.submission.name!r} (evaluation "
        f"{evaluation.id}), and {known.sum():.3f} are known; octave {worst} differs by {off[worst]:.3f}."
    )


def _stop(session: Session, holder: Token, machine: MachineRow, because: str) -> None:
    machine.stopped_at, machine.stopped_because = now(), because
    audit.record(session, f"worker {holder.prefix}", "stop", f"machine {machine.name[:8]}", because)
    log.error("machine %s is stopped: %s", machine.name[:8], because)


def stopped(session: Session) -> list[MachineRow]:
    """The machines that are stopped, the last one first."""
    return list(
        session.scalars(
            select(MachineRow)
            .where(MachineRow.stopped_at.is_not(None))
            .order_by(MachineRow.stopped_at.desc())
        )
    )


def release(session: Session, prefix: str) -> str:
    """Let a machine that is stopped go on; its name. Its next claim is a canary again.

    Args:
        session: writes.
        prefix: the first letters of its name, four or more.

    Raises:
        Refused: 404 or 409, where it is not the beginning of one stopped machine's name.
    """
    found = [one for one in stopped(session) if len(prefix) >= 4 and one.name.startswith(prefix)]
    names = {one.name for one in found}
    if not names:
        raise not_found("stopped machine")
    if len(names) > 1:
        raise conflict("name_ambiguous", f"{len(names)} stopped machines begin like this; give more letters.")
    for one in found:
        one.stopped_at, one.stopped_because = None, ""
        session.execute(delete(Canary).where(Canary.machine_id == one.id))
    return names.pop()


def answered(session: Session) -> int:
    """How many canaries were judged in the last thirty days."""
    since = now() - timedelta(days=30)
    return session.scalar(select(func.count()).select_from(Canary).where(Canary.ended_at > since)) or 0
