"""The page that trains a network in the browser, and puts it on the board."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from flask import Blueprint, Response, jsonify, render_template, request, url_for

from challenge.mandelbrot.coordinates import HALF_WIDTH, view_width
from challenge.scoring.places import PLACES
from challenge.scoring.tracks import Track
from leaderboard.errors import Refused
from leaderboard.models import User
from leaderboard.services import people, play_bundles, submission_intake
from leaderboard.web.auth import current_user, sign_in
from leaderboard.web.extensions import limiter
from leaderboard.web.request_args import check_length
from leaderboard.web.request_context import app_context, write_transaction

play = Blueprint("play", __name__)

# Of a form beside the weights.
_FORM_SLACK: Final = 1 << 16

# As in static/play/settings.js, which reads and writes them in the page's address.
FEATURES: Final = {
    "none": "none",
    "taylor": "Taylor",
    "fourier": "Fourier, per axis",
    "random": "random Fourier",
}
ACTIVATIONS: Final = {"gelu": "GELU", "relu": "ReLU", "tanh": "tanh", "silu": "SiLU", "sine": "sine"}
WIDTHS: Final = (8, 16, 32, 48, 64, 96, 128)
RATES: Final = (0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.03)
# Where the page looks: places of the comparisons, no deeper than a small network can follow.
_OCTAVES: Final = {"base-window": 0, "seahorse-valley": 3, "elephant-valley": 4, "antenna": 5}


@dataclass(frozen=True)
class Square:
    """A view in unit coordinates: its centre and half its width."""

    name: str
    x: float
    y: float
    half: float


def _squares() -> list[Square]:
    return [
        Square(
            place.name,
            round((place.centre[0] + 0.75) / HALF_WIDTH, 6),
            round(place.centre[1] / HALF_WIDTH, 6),
            view_width(_OCTAVES[place.slug]) / 2 / HALF_WIDTH,
        )
        for place in PLACES
        if place.slug in _OCTAVES
    ]


@play.get("/play")
def page() -> str:
    """The page."""
    return render_template(
        "play.html",
        features=FEATURES,
        activations=ACTIVATIONS,
        widths=WIDTHS,
        rates=RATES,
        places=_squares(),
    )


def _settings_and_weights() -> tuple[play_bundles.Settings, bytes]:
    weights = request.files.get("weights")
    if weights is None:
        raise Refused(422, "play_weights", "The weights are missing.", "Reload the page, and submit again.")
    content = weights.read(play_bundles.WEIGHTS_LIMIT + 1)
    if len(content) > play_bundles.WEIGHTS_LIMIT:
        raise Refused(
            413, "play_weights", f"The weights have more than {play_bundles.WEIGHTS_LIMIT >> 20} MiB."
        )
    settings = play_bundles.parse_settings(request.form.get("settings", ""))
    play_bundles.check_network(settings, content)
    return settings, content


@play.post("/play/bundle")
def download() -> Response:
    """The bundle of the posted network, to take along."""
    check_length(play_bundles.WEIGHTS_LIMIT + _FORM_SLACK, "play_weights", "A network from this page")
    settings, weights = _settings_and_weights()
    user = current_user()
    author = user.name if user else request.form.get("person") or "Somebody"
    bundle = play_bundles.make_bundle(settings, weights, name=request.form.get("name", ""), author=author)
    answer = Response(bundle, mimetype="application/zip")
    answer.headers["Content-Disposition"] = 'attachment; filename="bundle.zip"'
    return answer


@play.post("/play/submit")
@limiter.limit(
    lambda: app_context().config.sign_in_rate, exempt_when=lambda: current_user() is not None
)  # it may make an account
def submit() -> tuple[Response, int]:
    """Make a bundle of the posted network and submit it; a visitor becomes a person by a name alone."""
    check_length(play_bundles.WEIGHTS_LIMIT + _FORM_SLACK, "play_weights", "A network from this page")
    settings, weights = _settings_and_weights()
    here, owner = app_context(), current_user() or _new_person()
    bundle = play_bundles.make_bundle(settings, weights, name=request.form.get("name", ""), author=owner.name)
    with tempfile.NamedTemporaryFile(dir=here.config.data / "uploads", suffix=".zip") as file:
        file.write(bundle)
        file.flush()
        taken = submission_intake.submit_bundle(
            here.writers, here.queue, here.config, owner, Path(file.name), (Track.OPEN,)
        )
    url = url_for("entry.page", submission_id=taken.submission_id)
    return jsonify({"id": taken.submission_id, "url": url}), 201 if taken.queued else 200


def _new_person() -> User:
    if not app_context().config.sign_up:
        raise Refused(403, "sign_up_closed", "Accounts on this server are made by the people who run it.")
    with write_transaction() as db:
        user = people.sign_up_by_name(db, request.form.get("person", ""))
    sign_in(user)
    return user
