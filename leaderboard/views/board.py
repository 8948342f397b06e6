"""The board: as a page, as what changes of it, and as a table to take along."""

import csv
import io
from dataclasses import replace
from typing import Any, Final

from flask import Blueprint, Response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from challenge.bundle.limits import WEIGHT_CLASSES
from challenge.scoring.places import PLACES
from challenge.scoring.tracks import BUDGETS, SENTENCES, Track
from leaderboard.charts import pareto_and_history, sparkline
from leaderboard.db import now
from leaderboard.services import board_query, queue_order, rank_queries, seasons, standings
from leaderboard.services.board_query import BoardQuery
from leaderboard.services.rankings import RankingGroup
from leaderboard.services.standings import Board, Entry
from leaderboard.web.request_context import app_context, board_season, read_session
from leaderboard.web.responses import conditional

PENDING_SHOWN: Final = 40
UNRANKED_SHOWN: Final = 20
_PLACES: Final = {place.slug: place.name for place in PLACES}


board_pages = Blueprint("board", __name__)


@board_pages.get("/")
def page() -> Response:
    """The board; with ?part=1 only what changes while entries are judged."""
    query = BoardQuery.read(request.args)
    with read_session() as db:
        board = standings.board(db, board_season(db), query.group, every_entry=query.every_entry)
        rows = [row for row in seasons.list_seasons(db) if row.ranked]
        values = _values(db, board, query, rows)
    template = "board_part.html" if "part" in request.args else "board.html"
    return conditional(Response(render_template(template, **values)))


@board_pages.get("/history")
def history() -> Response:
    """Who held the record of a season and track, and for how long."""
    query = BoardQuery.read({"track": Track.SAMPLES.value} | request.args.to_dict())
    with read_session() as db:
        season = board_season(db)
        entries = standings.standing(db, season, query.group, every_entry=True).entries

        def is_better(one: Entry, other: Entry) -> bool:
            return rank_queries.is_better(db, one.evaluation.id, other.evaluation.id)

        until = season.closed_at or now()
        holders = pareto_and_history.record_holders(entries, is_better)
        ends = [*(entry.submission.created_at for entry in holders[1:]), until][: len(holders)]
        page = render_template(
            "history.html",
            query=query,
            season=season,
            tracks=SENTENCES,
            plot=pareto_and_history.record_plot(entries, season.octaves, until, is_better),
            records=[
                (entry, (end - entry.submission.created_at).total_seconds())
                for entry, end in zip(holders, ends, strict=True)
            ][::-1],
        )
    return conditional(Response(page))


@board_pages.get("/board")
def by_name() -> BaseResponse:
    """The board has the first address; this is the one that people guess."""
    query: dict[str, Any] = request.args.to_dict()
    return redirect(url_for("board.page", **query), 301)


def _values(db: Session, board: Board, query: BoardQuery, rows: list[Any]) -> dict[str, Any]:
    positions = queue_order.positions(db)
    kept = app_context().html_cache
    waiting = tuple(e.submission_id for e in board.pending)
    known = tuple((row.name, row.state) for row in rows)
    return {
        "board": board,
        "query": query,
        "tracks": SENTENCES,
        "strip": kept.get(
            ("strip", board.standing.token, query.track),
            lambda: render_template(
                "board_strip.html", board=board, best=board.entries[0] if board.entries else None
            ),
        ),
        "decided": kept.get(
            ("decided", board.standing.token, known, query, bool(waiting)),
            lambda: render_template("board_decided.html", **_decided(db, board, query, rows)),
        ),
        "unranked": kept.get(
            ("unranked", board.standing.token, waiting),
            lambda: render_template("board_unranked.html", unranked=board.unranked, shown=UNRANKED_SHOWN),
        ),
        "pending": [(e, positions.get(e.id)) for e in board.pending[:PENDING_SHOWN]],
        "more_pending": max(0, len(board.pending) - PENDING_SHOWN),
    }


def _decided(db: Session, board: Board, query: BoardQuery, rows: list[Any]) -> dict[str, Any]:
    octaves = board.season.octaves
    highest = max((e.evaluation.interval_high or 0.0 for e in board.shown), default=0.0)
    until = board.season.closed_at or now()
    watched = standings.standing(
        db, board.season, RankingGroup(Track.SAMPLES, query.machine), every_entry=True
    ).entries
    page = board_query.page(board.shown, query)
    shown = [e.evaluation.id for e in page.entries] if board.group.track is Track.SAMPLES else []

    def is_better(one: Entry, other: Entry) -> bool:
        return rank_queries.is_better(db, one.evaluation.id, other.evaluation.id)

    return {
        "board": board,
        "query": query,
        "page": page,
        "profiles": {
            number: sparkline.profile(skill, 56) for number, skill in rank_queries.skills(db, shown).items()
        },
        "tracks": SENTENCES,
        "machines": tuple(BUDGETS),
        "best": board.entries[0] if board.entries else None,
        "axis": sparkline.bar_axis(highest, octaves),
        "seasons": rows,
        "places": _PLACES,
        "classes": list(WEIGHT_CLASSES),
        "front": pareto_and_history.pareto_plot(board.entries, octaves),
        "history": pareto_and_history.record_plot(watched, octaves, until, is_better),
        "waiting": bool(board.pending),
    }


_CSV: Final = (
    "rank_low", "rank_high", "submission_id", "name", "author", "method", "octaves", "interval_low",
    "interval_high", "depth", "precision_db", "universality", "weight_class", "bytes", "parameters",
    "predictions_per_second", "device", "date", "reference", "flagged", "track", "machine", "verified",
    "open_octaves", "samples_octaves",
)  # fmt: skip


@board_pages.get("/board.csv")
def table() -> Response:
    """Every entry that the query asks for, as CSV (RFC 4180)."""
    query = BoardQuery.read(request.args, per_page=board_query.MOST_PER_PAGE)
    with read_session() as db:
        board = standings.board(db, board_season(db), query.group, every_entry=query.every_entry)
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(_CSV)
    # All of them: a table that stops somewhere would be taken for the whole.
    everything = replace(query, page=1, per_page=10**9)
    for entry in board_query.page(board.entries, everything).entries:
        values = entry.to_dict()
        (values["rank_low"], values["rank_high"]) = values["rank"]
        (values["interval_low"], values["interval_high"]) = values["interval"]
        rows.writerow([_plain(values[name]) for name in _CSV])
    answer = Response(out.getvalue(), mimetype="text/csv")
    answer.headers["Content-Disposition"] = (
        f'attachment; filename="board-{board.season.id}-{query.track}.csv"'
    )
    return conditional(answer)


def _plain(value: Any) -> Any:
    # A spreadsheet takes a text that begins like this for a formula.
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return value
