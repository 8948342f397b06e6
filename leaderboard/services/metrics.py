"""What operators watch of evaluations: counted when they end, and of the queue when it is asked for."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import and_, case, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from challenge.results.report import Report
from challenge.results.samples_report import SamplesReport
from challenge.results.stages import OPEN_STAGES, SAMPLES_STAGES
from challenge.scoring.tracks import Track
from leaderboard import counters
from leaderboard.db import now, on_commit
from leaderboard.models import Evaluation, MachineRow, StageRow
from leaderboard.services import canaries, machines
from leaderboard.services.queue_order import live, queued

# A worker tells of itself at least once an evaluation.
_AT_WORK: Final = timedelta(minutes=15)


def ended(session: Session, evaluation: Evaluation) -> None:
    """Count the end of an evaluation, when the transaction is committed."""
    labels = (evaluation.track, evaluation.status, evaluation.fault or "", evaluation.reason or "")
    on_commit(session, lambda: counters.ENDED.labels(*labels).inc())


def judged(session: Session, evaluation: Evaluation, report: Report | SamplesReport) -> None:
    """Note how long the parts of an evaluation took."""
    track, timings = evaluation.track, dict(report.timings)

    def note() -> None:
        for part, seconds in timings.items():
            counters.PARTS.labels(track, part).observe(seconds)

    on_commit(session, note)


class DatabaseCollector(Collector):
    """The queue and the workers, from the database, at the moment of asking."""

    def __init__(self, readers: sessionmaker[Session]) -> None:
        self._readers = readers

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """All figures; `mbc_database_up` alone where the database does not answer."""
        up = GaugeMetricFamily("mbc_database_up", "Whether the database answers.")
        found: list[GaugeMetricFamily] = []
        try:
            with self._readers() as session:
                found = [*_queue(session), _workers(session), _speeds(session), _stopped(session)]
            up.add_metric([], 1)
        except SQLAlchemyError:
            up.add_metric([], 0)
        yield up
        yield from found


def _queue(session: Session) -> Iterator[GaugeMetricFamily]:
    labels = ["track", "stage"]
    depth = GaugeMetricFamily("mbc_queue_depth", "Evaluations that wait for a worker.", labels=labels)
    oldest = GaugeMetricFamily(
        "mbc_queue_oldest_seconds", "Age of the evaluation that was queued first.", labels=labels
    )
    at_work = GaugeMetricFamily(
        "mbc_evaluations_under_way", "Evaluations that a worker has.", labels=["track", "status"]
    )
    found = select(func.count()).where(StageRow.evaluation_id == Evaluation.id).scalar_subquery()
    # Stages are done in order, and what the first one of the open track found is no row of its own.
    first = case((and_(Evaluation.track == Track.OPEN.value, Evaluation.octaves.is_not(None)), 1), else_=0)
    done = (found + first).label("done")
    rows = session.execute(
        select(Evaluation.track, done, func.count(), func.min(Evaluation.queued_at))
        .where(queued())
        .group_by(Evaluation.track, done)
    )
    moment = now()
    for track, count_done, count, since in rows:
        stages = OPEN_STAGES if track == Track.OPEN.value else SAMPLES_STAGES
        # An evaluation whose stages are all done lacks its report alone.
        stage = stages[min(count_done, len(stages) - 1)].value
        depth.add_metric([track, stage], count)
        oldest.add_metric([track, stage], max(0.0, (moment - since).total_seconds()))
    rows_at_work = session.execute(
        select(Evaluation.track, Evaluation.status, func.count())
        .where(live(), Evaluation.lease_until.is_not(None))
        .group_by(Evaluation.track, Evaluation.status)
    )
    for track, status, count in rows_at_work:
        at_work.add_metric([track, status], count)
    yield from (depth, oldest, at_work)


def _workers(session: Session) -> GaugeMetricFamily:
    heard = session.scalar(
        select(func.count()).select_from(MachineRow).where(MachineRow.seen_at > now() - _AT_WORK)
    )
    family = GaugeMetricFamily("mbc_workers_heard", "Machines of workers heard of in a quarter of an hour.")
    family.add_metric([], heard or 0)
    return family


def _stopped(session: Session) -> GaugeMetricFamily:
    family = GaugeMetricFamily("mbc_workers_stopped", "Machines that get no work until they are released.")
    family.add_metric([], len(canaries.stopped(session)))
    return family


def _speeds(session: Session) -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        "mbc_worker_speed_least",
        "Speed of the slowest machine heard of, beside the one that budgets are quoted for.",
        labels=["machine"],
    )
    for machine, speed in machines.least_speeds(session, now() - _AT_WORK).items():
        family.add_metric([machine], speed)
    return family
