"""The page that compares two entries."""

from typing import Any

from flask import Blueprint, Response, render_template, request
from sqlalchemy.orm import Session

from challenge.scoring.tracks import CPU, Track
from leaderboard.charts import paired_difference, skill_curve
from leaderboard.charts.skill_curve import Entrant
from leaderboard.errors import Refused, not_found
from leaderboard.images import colormaps
from leaderboard.models import Evaluation
from leaderboard.services import artifacts, board_lists, reports, submissions
from leaderboard.services.board_query import MOST_CHOICES, BoardQuery
from leaderboard.web import view_picker
from leaderboard.web.auth import check_visible, visible_submission
from leaderboard.web.request_args import asked_track
from leaderboard.web.request_context import app_context, board_season, read_session
from leaderboard.web.responses import png

comparison = Blueprint("comparison", __name__)


@comparison.get("/compare")
def page() -> str:
    """Two entries side by side; the query names them."""
    with read_session() as db:
        return render_template("compare.html", **_context(db))


@comparison.get("/compare/<int:a>/<int:b>/<slug>/<int:octave>.png")
def nearer(a: int, b: int, slug: str, octave: int) -> Response:
    """Which of two evaluations is nearer to the truth, point by point, at a place and octave."""
    name = f"{slug}/{octave:02d}/error.png"
    artifacts.check_name(name)
    with read_session() as db:
        for number in (a, b):
            check_visible(db, number)
        digests = [artifacts.find(db, number, name).digest for number in (a, b)]
    config = app_context().config
    mine, other = (artifacts.read(config, n, name, d) for n, d in zip((a, b), digests, strict=True))
    try:
        return png(colormaps.nearer(mine, other))
    except ValueError:
        # Pictures of two versions of the judge may have two sizes.
        raise not_found("picture") from None


def _context(db: Session) -> dict[str, Any]:
    """Everything that the template needs; the query may name two submissions. Refused with 404 or 409."""
    numbers = [request.args.get(name, type=int) for name in ("a", "b")]
    if "a" not in request.args and "b" not in request.args:
        numbers = _first_two(db)
    pair = [_judged(db, number) if number is not None else None for number in numbers]
    first = next((evaluation for evaluation in pair if evaluation), None)
    season = first.season if first else board_season(db)
    track = asked_track() or Track.OPEN
    query = BoardQuery(track=track.value, machine=(first.machine if first else None) or CPU)
    choices = board_lists.ranked(db, season, query, MOST_CHOICES)
    listed = {entry.submission_id for entry in choices}
    # One that does not rank can be compared, and stays chosen.
    extra = [e for e in pair if e and e.submission_id not in listed]
    values = {"a": pair[0], "b": pair[1], "season": season, "choices": choices, "extra": extra, "zoom": None}
    values["track"] = track
    values["comparable_on"] = _comparable_on(db, pair[0], pair[1]) if pair[0] and pair[1] else ()
    if pair[0] is None or pair[1] is None:
        return values | {"difference": None}
    return values | _compared(db, pair[0], pair[1])


def _first_two(db: Session) -> list[int | None]:
    """The two best entries, which the page opens with."""
    query = BoardQuery(track=(asked_track() or Track.OPEN).value)
    best: list[int | None] = [e.submission_id for e in board_lists.ranked(db, board_season(db), query, 2)]
    return [*best, None, None][:2]


def _judged(db: Session, number: int) -> Evaluation:
    """The evaluation that a submission stands by, with figures."""
    found = visible_submission(db, number)
    shown = submissions.displayed(found, submissions.latest_on(db, found, asked_track() or Track.OPEN))
    if shown.octaves is None:
        raise Refused(
            409,
            "no_report",
            f"{found.name} has no score to compare.",
            "Choose two entries that were scored.",
        )
    return shown


def _compared(db: Session, a: Evaluation, b: Evaluation) -> dict[str, Any]:
    if a.season_id != b.season_id:
        raise Refused(
            409,
            "other_season",
            f"{a.submission.name} was judged in {a.season.name}, {b.submission.name} in {b.season.name}.",
            "Two entries are compared on the same points: choose two of one season.",
        )
    if a.machine != b.machine:
        raise Refused(
            409,
            "other_machine",
            f"{a.submission.name} learned on the class {a.machine}, {b.submission.name} on {b.machine}.",
            "Budgets of two classes of machine are not the same: choose two of one class.",
        )
    for one in (a, b):
        if not reports.skill_by_octave(db, one):
            raise Refused(
                409,
                "no_report",
                f"{one.submission.name} has no report to compare.",
                "Choose two entries that were scored.",
            )
    found = paired_difference.difference_plot(reports.skill_by_chain(db, a), reports.skill_by_chain(db, b))
    own, rival = (
        Entrant(e.submission.name, e.submission_id, reports.skill_by_chain(db, e), role)
        for e, role in ((a, "own"), (b, "rival"))
    )
    return {
        "difference": found,
        "rows": _rows(a, b),
        "zoom": _zoom(db, a, b),
        "curve": skill_curve.skill_plot(own, [rival]),
        "narrow": skill_curve.skill_plot(own, [rival], skill_curve.NARROW),
    }


def _comparable_on(db: Session, a: Evaluation, b: Evaluation) -> tuple[str, ...]:
    """The tracks on which both have a score, of the same season and class of machine."""
    found = []
    for track in Track:
        latest = [submissions.latest_by_track(db, one.submission).get(track) for one in (a, b)]
        scored = [
            submissions.displayed(one.submission, last)
            for one, last in zip((a, b), latest, strict=True)
            if last is not None
        ]
        places = {(one.season_id, one.machine) for one in scored if one.octaves is not None}
        if len(places) == 1 and all(one.octaves is not None for one in scored) and len(scored) == 2:
            found.append(track.value)
    return tuple(found)


def _rows(a: Evaluation, b: Evaluation) -> tuple[tuple[str, str, Any, Any], ...]:
    """(name, filter, of a, of b) of each figure."""
    one, two = a.submission, b.submission
    return (
        ("Octaves", "octaves", a.octaves, b.octaves),
        ("Depth", "one", a.depth, b.depth),
        ("Precision, dB", "one", a.precision_db, b.precision_db),
        ("Universality", "share", a.universality, b.universality),
        ("Size", "size", one.bytes, two.bytes),
        ("Parameters", "number", a.parameters, b.parameters),
        ("Points a second", "number", a.predictions_per_second, b.predictions_per_second),
    )


def _zoom(db: Session, a: Evaluation, b: Evaluation) -> dict[str, Any] | None:
    one, two = artifacts.views(db, a.id), artifacts.views(db, b.id)
    drawn = {place: [k for k in octaves if k in two.get(place, ())] for place, octaves in one.items()}
    return view_picker.zoom(
        drawn,
        (
            view_picker.TRUTH,
            view_picker.Layer(
                "a", a.submission.name, f"/evaluations/{a.id}/{{place}}/{{two}}/model.png", note="A"
            ),
            view_picker.Layer(
                "b", b.submission.name, f"/evaluations/{b.id}/{{place}}/{{two}}/model.png", note="B"
            ),
            view_picker.Layer(
                "beats",
                "Who is nearer",
                f"/compare/{a.id}/{b.id}/{{place}}/{{octave}}.png",
                recolour=False,
                note="violet A, ember B",
            ),
        ),
        models={"a": a.submission_id, "b": b.submission_id}
        if all(submissions.is_drawable(one.submission) for one in (a, b))
        else None,
        start=round(min(a.depth or 0.0, b.depth or 0.0)),
    )
