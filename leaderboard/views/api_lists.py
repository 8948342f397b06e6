"""The interface's lists: the board, submissions, seasons. Each comes in pages and says how many."""

from typing import Any, Final

from flask import Blueprint, Response, jsonify, request, url_for

from challenge.results.verdicts import Status
from leaderboard.openapi import models
from leaderboard.openapi.values import Value, to_json
from leaderboard.services import (
    board_lists,
    machines,
    publication,
    queue_order,
    seasons,
    standings,
    submissions,
)
from leaderboard.services.board_query import BoardQuery
from leaderboard.services.submissions import ListedSubmission
from leaderboard.web.extensions import csrf
from leaderboard.web.request_args import asked_id
from leaderboard.web.request_context import board_season, read_session
from leaderboard.web.responses import conditional

PER_PAGE: Final = 100

api_lists = Blueprint("api_lists", __name__, url_prefix="/api/v1")
csrf.exempt(api_lists)


def _answer(kind: type[Value], values: dict[str, Any], page: dict[str, int]) -> Response:
    answer = jsonify(to_json(kind, values | {"page": page}))
    assert request.endpoint is not None
    links = []
    for rel, number in (("first", 1), ("prev", page["number"] - 1), ("next", page["number"] + 1)):
        if 1 <= number <= page["pages"]:
            query: dict[str, Any] = {**request.args.to_dict(), "page": number}
            links.append(f'<{url_for(request.endpoint, **query)}>; rel="{rel}"')
    answer.headers["Link"] = ", ".join(links)
    return conditional(answer)


def _page(total: int, query: BoardQuery) -> dict[str, int]:
    return {
        "number": query.page,
        "size": query.per_page,
        "total": total,
        "pages": max(1, -(-total // query.per_page)),
    }


@api_lists.get("/board")
def board() -> Response:
    """The standing of a season on a track."""
    query = BoardQuery.read(request.args, per_page=PER_PAGE)
    with read_session() as session:
        season = board_season(session)
        page = board_lists.page(session, season, query)
        pending, waiting = board_lists.pending(session, season, query.group, query.per_page)
        unranked, others = board_lists.unranked(session, season, query, query.per_page)
        positions = queue_order.positions(session, [e.id for e in pending if e.state is Status.QUEUED])
        absence = machines.absence(session)
    return _answer(
        models.Board,
        {
            "track": query.track,
            "machine": query.group.machine or None,
            "season": {"name": season.name, "commitment": season.commitment, "state": season.state},
            "entries": [entry.to_dict() for entry in page.entries],
            "pending": [standings.progress(e, positions.get(e.id)) for e in pending],
            "pending_total": waiting,
            "absence": absence,
            "unranked": [
                entry.to_dict() | {"reason": entry.evaluation.reason, "sentence": entry.evaluation.sentence}
                for entry in unranked
            ],
            "unranked_total": others,
        },
        page.to_dict(),
    )


@api_lists.get("/submissions")
def list_submissions() -> Response:
    """Everybody's submissions, or one person's, the newest first."""
    query = BoardQuery.read(_only_pages(), per_page=PER_PAGE)
    with read_session() as session:
        rows, total = submissions.list_newest(
            session,
            user_id=asked_id(request.args, "user"),
            limit=query.per_page,
            offset=(query.page - 1) * query.per_page,
        )
        values = {"submissions": [_summary(row) for row in rows]}
    return _answer(models.Submissions, values, _page(total, query))


def _summary(listed: ListedSubmission) -> dict[str, Any]:
    row, last = listed.submission, listed.evaluation
    return {
        "id": row.id,
        "name": row.name,
        "author": row.author,
        "user": {"id": row.user_id, "name": row.user.name},
        "method": row.method,
        "weight_class": row.weight_class,
        "bytes": row.bytes,
        "created_at": row.created_at.isoformat(timespec="seconds"),
        "track": last.track if last else None,
        "status": last.status if last else Status.CANCELLED.value,
        "season": last.season.name if last else None,
        "octaves": publication.octaves(last) if last else None,
        "url": url_for("entry.page", submission_id=row.id, _external=True),
    }


@api_lists.get("/seasons")
def list_seasons() -> Response:
    """Every season; a secret once it is closed."""
    query = BoardQuery.read(_only_pages(), per_page=PER_PAGE)
    with read_session() as session:
        rows = seasons.list_seasons(session)
    start = (query.page - 1) * query.per_page
    chosen = rows[start : start + query.per_page]
    return _answer(
        models.Seasons, {"seasons": [seasons.to_public_dict(row) for row in chosen]}, _page(len(rows), query)
    )


def _only_pages() -> dict[str, str]:
    return {name: request.args[name] for name in ("page", "per_page") if name in request.args}
