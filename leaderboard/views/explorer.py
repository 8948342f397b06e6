"""The explorer's page: the truth alone, or beside a model; and Leaflet, from the package that ships it."""

import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import numpy as np
from flask import Blueprint, Response, jsonify, render_template, request, send_from_directory, url_for
from sqlalchemy.orm import Session

from challenge.imaging import deep_tiles
from challenge.imaging.deep_places import DEEP_PLACES, DeepPlace
from challenge.imaging.pictures import ERROR_COLORMAP, INTERIOR, NOT_FINITE, colormap_table
from challenge.imaging.tiles import DEEPEST
from challenge.scoring.places import PLACES, Place
from leaderboard.errors import not_found
from leaderboard.images import colormaps
from leaderboard.models import Evaluation, Submission
from leaderboard.services import board_lists, reports, seasons, submissions
from leaderboard.services.board_query import MOST_CHOICES, BoardQuery
from leaderboard.web.request_context import read_session
from leaderboard.web.view_picker import tile_addresses

explorer = Blueprint("explorer", __name__)

_LEAFLET: Final = ("leaflet.js", "leaflet.css")
_WEEK: Final = 7 * 24 * 3600


@dataclass(frozen=True)
class _Model:
    """The entry whose model is shown beside the truth."""

    submission: Submission
    evaluation: Evaluation
    skill: tuple[float, ...]


@explorer.get("/explore")
def truth() -> str:
    """The truth, everywhere."""
    return _page(None)


@explorer.get("/submissions/<int:submission_id>/explore")
def model(submission_id: int) -> str:
    """The truth and what a model makes of it, everywhere."""
    number = request.args.get("second", type=int)
    with read_session() as db:
        beside = _model(db, submission_id)
        second = _model(db, number) if number is not None else None
    return _page(beside, second)


def _model(db: Session, submission_id: int) -> _Model:
    found = submissions.drawable(db, submission_id)
    shown = submissions.displayed(found, submissions.latest_on(db, found, None))
    return _Model(found, shown, reports.skill_by_octave(db, shown))


def _page(beside: _Model | None, second: _Model | None = None) -> str:
    with read_session() as db:
        season = seasons.current_season(db)
        entries = board_lists.ranked(db, season, BoardQuery(), MOST_CHOICES) if season else ()
    return render_template(
        "explorer.html",
        beside=beside,
        second=second,
        entries=entries,
        places=_places(beside),
        maps=tuple(colormaps.MAPS),
        settings=json.dumps(_settings(beside, second), allow_nan=False),
        deepest=_deepest(beside),
    )


def _deepest(beside: _Model | None) -> int:
    """The deepest octave shown: models are drawn in float64."""
    return deep_tiles.DEEPEST if beside is None else DEEPEST


def _places(beside: _Model | None) -> tuple[Place | DeepPlace, ...]:
    return PLACES if beside is not None else (*PLACES, *DEEP_PLACES)


def _settings(beside: _Model | None, second: _Model | None) -> dict[str, Any]:
    """Settings for the page's script."""
    tiles = url_for("tiles.truth", octave=0, x=0, y=0).removesuffix("/0/0/0")
    values: dict[str, Any] = {
        "truth": tiles,
        "model": None,
        "colours": url_for("explorer.palettes"),
        "first": colormaps.DEFAULT,
        "deepest": _deepest(beside),
        "deepest_model": DEEPEST,
        "limits": deep_tiles.LIMITS,
        "places": [
            {"slug": p.slug, "centre": p.centre, "octaves": [p.octaves[0], p.octaves[-1]]}
            for p in _places(beside)
        ],
    }
    if beside is not None:
        values |= tile_addresses(beside.submission.id) | {
            "skill": beside.skill,
            "skills": url_for("media.skills_of_views", evaluation_id=beside.evaluation.id),
        }
    if second is not None:
        values["second"] = {"id": second.submission.id, **tile_addresses(second.submission.id)}
    return values


@explorer.get("/explore/colours.json")
def palettes() -> Response:
    """256 colours of each map, as hexadecimal digits; of the error; of what is inside or not finite."""

    def digits(name: str) -> str:
        return bytes(np.rint(colormap_table(name)).astype(np.uint8).ravel()).hex()

    answer = jsonify(
        {
            "maps": {name: digits(cmap) for name, cmap in colormaps.MAPS.items()},
            "error": digits(ERROR_COLORMAP),
            "inside": bytes(INTERIOR).hex(),
            "not_finite": bytes(NOT_FINITE).hex(),
        }
    )
    answer.headers["Cache-Control"] = f"public, max-age={_WEEK}"
    answer.add_etag()
    answer.make_conditional(request)
    return answer


@explorer.get("/leaflet/<name>")
def leaflet(name: str) -> Response:
    """Leaflet's script and style sheet, as the installed package has them."""
    if name not in _LEAFLET:
        raise not_found("file")
    folder = Path(str(files("xstatic.pkg.leaflet") / "data"))
    return send_from_directory(folder, name, max_age=_WEEK)
