"""The board: as a page, as what changes of it, and as a table to take along."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

from flask import Blueprint, Response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from challenge.bundle.limits import WEIGHT_CLASSES
from challenge.results.verdicts import Status
from challenge.scoring.places import PLACES
from challenge.scoring.tracks import BUDGETS, SENTENCES, Track
from leaderboard.charts import pareto_and_history, sparkline
from leaderboard.db import now
from leaderboard.models import SeasonRow, Submission
from leaderboard.services import (
    board_lists,
    board_query,
    filtered_ranks,
    machines,
    movement,
    queue_order,
    rank_queries,
    records,
    seasons,
)
from leaderboard.services.board_query import BoardQuery
from leaderboard.services.records import RecordHistory
from leaderboard.services.standings import Entry
from leaderboard.web.request_context import app_context, board_season, read_session
from leaderboard.web.responses import conditional

PENDING_SHOWN: Final = 40
UNRANKED_SHOWN: Final = 20
STRIP_SHOWN: Final = 60
_RACE: Final = Path(__file__).parents[1] / "static" / "race.json"
_PLACES: Final = {place.slug: place.name for place in PLACES}

_History = Callable[[BoardQuery], RecordHistory]

board_pages = Blueprint("board", __name__)


@board_pages.get("/")
def page() -> Response:
    """The board; with ?part=1 only what changes while entries are judged."""
    query = BoardQuery.read(request.args)
    with read_session() as db:
        values = _values(db, board_season(db), query)
    if "part" in request.args:
        return conditional(Response(render_template("board_part.html", **values)))
    return conditional(Response(render_template("board.html", race=_race(), **values)))


@board_pages.get("/history")
def history() -> Response:
    """Show who held the record of a season and track, and for how long."""
    query = BoardQuery.read({"track": Track.SAMPLES.value} | request.args.to_dict() | {"entries": "all"})
    with read_session() as db:
        season = board_season(db)
        until = season.closed_at or now()
        record = records.record_history(db, season, query)
        ends = [*(entry.created_at for entry in record.holders[1:]), until][: len(record.holders)]
        page = render_template(
            "history.html",
            query=query,
            season=season,
            tracks=SENTENCES,
            plot=pareto_and_history.record_plot(record.entries, season.octaves, until, record.holders),
            records=[
                (entry, (end - entry.created_at).total_seconds())
                for entry, end in zip(record.holders, ends, strict=True)
            ][::-1],
        )
    return conditional(Response(page))


@board_pages.get("/board")
def by_name() -> BaseResponse:
    """The board has the first address; this is the one that people guess."""
    query: dict[str, Any] = request.args.to_dict()
    return redirect(url_for("board.page", **query), 301)


@cache
def _race() -> dict[str, Any]:
    """Moments and octaves of the race's film, as submissions/race.py measured them."""
    race: dict[str, Any] = json.loads(_RACE.read_text(encoding="utf-8"))
    return race


def _values(db: Session, season: SeasonRow, query: BoardQuery) -> dict[str, Any]:
    pending, total = board_lists.pending(db, season, query.group, PENDING_SHOWN)
    positions = queue_order.positions(db, [e.id for e in pending if e.state is Status.QUEUED])
    rows = [row for row in seasons.list_seasons(db) if row.ranked]
    kept = app_context().html_cache
    version = board_lists.version(db, season)
    # Other seasons are named on the board, and open and close.
    today = now().replace(hour=0, minute=0, second=0, microsecond=0)
    known = (version, tuple((row.name, row.state) for row in rows), bool(total), today)
    # Links hold the path below which a proxy has the board.
    board = (request.script_root, season.id, query.group, query.entries)
    # Two parts of the page ask for it, often by the same query.
    history = cache(partial(records.record_history, db, season))
    return {
        "season": season,
        "query": query,
        "strip": kept.get(("strip", board), version, lambda: _strip(db, season, query)),
        "decided": kept.get(
            ("decided", board, query),
            known,
            lambda: _decided(db, season, query, rows, today, history, waiting=bool(total)),
        ),
        "fronts": kept.get(
            ("fronts", board, query.machine), known, lambda: _fronts(db, season, query, history)
        ),
        "unranked": kept.get(
            ("unranked", board, query.weight, query.kind, query.family),
            version,
            lambda: _unranked(db, season, query),
        ),
        "pending": [(e, positions.get(e.id)) for e in pending],
        "references_pending": sum(e.submission.user.reference for e in pending),
        "more_pending": total - len(pending),
        "absence": machines.absence(db),
    }


def _strip(db: Session, season: SeasonRow, query: BoardQuery) -> str:
    leading = board_lists.ranked(db, season, query, STRIP_SHOWN)
    return render_template(
        "board_strip.html", leading=leading, best=leading[0] if leading else None, group=query.group
    )


def _decided(
    db: Session,
    season: SeasonRow,
    query: BoardQuery,
    rows: list[SeasonRow],
    today: datetime,
    history: _History,
    *,
    waiting: bool,
) -> str:
    page = board_lists.page(db, season, query)
    highest = board_lists.highest_interval(db, season, query)
    shown = [e.evaluation.id for e in page.entries] if query.group.track is Track.SAMPLES else []
    return render_template(
        "board_decided.html",
        season=season,
        group=query.group,
        query=query,
        page=page,
        anybody=highest is not None,
        own_ranks=filtered_ranks.ranks_among(
            db,
            [e.evaluation.id for e in page.entries],
            board_lists.matching_ids(db, season, query) if query.filtered else (),
        ),
        moved=_moved(db, season, query, page, today),
        new_record=_new_record(season, query, today, history),
        family=db.get(Submission, query.family) if query.family else None,
        profiles={
            number: sparkline.profile(skill, 56) for number, skill in rank_queries.skills(db, shown).items()
        },
        tracks=SENTENCES,
        machines=tuple(BUDGETS),
        axis=sparkline.bar_axis(highest or 0.0, season.octaves),
        seasons=rows,
        places=_PLACES,
        classes=list(WEIGHT_CLASSES),
        waiting=waiting,
    )


def _moved(
    db: Session, season: SeasonRow, query: BoardQuery, page: board_lists.Page, today: datetime
) -> dict[int, movement.Movement]:
    then = today - movement.WEEK
    old = board_lists.judged_before(db, season, query, then)
    return movement.since(db, page.entries, old)


def _new_record(season: SeasonRow, query: BoardQuery, today: datetime, history: _History) -> int | None:
    """The evaluation that took the record within the last week; on the samples track alone."""
    if query.group.track is not Track.SAMPLES or season.state != "open":
        return None
    return history(replace(query, entries="all")).taken_since(today - movement.WEEK)


def _fronts(db: Session, season: SeasonRow, query: BoardQuery, history: _History) -> str:
    entries = board_lists.ranked(db, season, query)
    watched = history(replace(query, track=Track.SAMPLES.value, entries="all", verified=""))
    return render_template(
        "board_fronts.html",
        query=query,
        front=pareto_and_history.pareto_plot(entries, season.octaves),
        history=pareto_and_history.record_plot(
            watched.entries, season.octaves, season.closed_at or now(), watched.holders
        ),
    )


def _unranked(db: Session, season: SeasonRow, query: BoardQuery) -> str:
    entries, total = board_lists.unranked(db, season, query, UNRANKED_SHOWN)
    return render_template("board_unranked.html", unranked=entries, total=total)


_CSV: Final = (
    "rank_low", "rank_high", "submission_id", "name", "author", "method", "octaves", "interval_low",
    "interval_high", "depth", "precision_db", "universality", "weight_class", "bytes", "parameters",
    "predictions_per_second", "device", "date", "reference", "flagged", "track", "machine", "verified",
    "open_octaves", "samples_octaves",
)  # fmt: skip


@board_pages.get("/board.csv")
def table() -> Response:
    """Every entry that the query asks for, as CSV (RFC 4180)."""
    query = replace(BoardQuery.read(request.args), per_page=board_query.MOST_PER_PAGE)
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(_CSV)
    with read_session() as db:
        season = board_season(db)
        found = board_lists.page(db, season, replace(query, page=1), provisional=False)
        # All of them: a table that stops somewhere would be taken for the whole.
        for number in range(1, found.count + 1):
            for entry in board_lists.page(db, season, replace(query, page=number), provisional=False).entries:
                rows.writerow(_row(entry))
            # Not thousands of them in memory at once.
            db.expunge_all()
    answer = Response(out.getvalue(), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="board-{season.id}-{query.track}.csv"'
    return conditional(answer)


def _row(entry: Entry) -> list[Any]:
    values = entry.to_dict()
    (values["rank_low"], values["rank_high"]) = values["rank"]
    (values["interval_low"], values["interval_high"]) = values["interval"]
    return [_plain(values[name]) for name in _CSV]


def _plain(value: Any) -> Any:
    # A spreadsheet takes a text that begins like this for a formula.
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return value
