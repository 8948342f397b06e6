"""Networks from the page /play: the bundle that is made of them, and the way to the board."""

import io
import json
import re

import numpy as np
import pytest
import torch
from safetensors.torch import save

from challenge.bundle.reader import read_bundle
from leaderboard.errors import Refused
from leaderboard.services import play_bundles
from leaderboard.services.play_bundles import Settings, make_bundle, parse_settings

FIRST = {"features": "fourier", "orders": 8, "hidden": [16, 8], "activation": "gelu"}


def state(settings):
    generator = torch.Generator().manual_seed(1)
    return {name: torch.randn(shape, generator=generator) for name, shape in settings.shapes.items()}


@pytest.fixture
def built(tmp_path):
    """built(settings) is `build` of the bundle's own code, as the judge imports it."""
    from challenge.training.local_model import load_build

    def build(settings, name="one"):
        path = tmp_path / "bundle.zip"
        path.write_bytes(make_bundle(settings, save(state(settings)), name=name, author="Ada"))
        bundle = read_bundle(path)
        folder = tmp_path / "unpacked"
        folder.mkdir()
        for file, content in bundle.files.items():
            (folder / file).write_bytes(content)
        return bundle, load_build(folder)

    return build


@pytest.mark.parametrize("features", ["none", "taylor", "fourier", "random"])
@pytest.mark.parametrize(("hidden", "activation"), [([], "relu"), ([12], "sine"), ([8, 8, 4], "tanh")])
def test_shapes_are_those_of_the_template(built, features, hidden, activation):
    settings = Settings(features=features, orders=5, hidden=hidden, activation=activation)
    _, build = built(settings)
    model = build(2, 1)
    assert {name: list(value.shape) for name, value in model.state_dict().items()} == settings.shapes
    model.load_state_dict(state(settings))
    assert model(torch.rand(7, 2)).shape == (7, 1)
    # The only rule: any number of inputs and outputs.
    assert build(784, 10)(torch.rand(3, 784)).shape == (3, 10)
    assert build(1, 2)(torch.rand(3, 1)).shape == (3, 2)


@pytest.mark.parametrize(
    "name", ['"><script>', "a\\b", "caf\u00e9 \N{GRINNING FACE}", "tab\there", "x = 1\nname = 2"]
)
def test_a_name_cannot_change_the_manifest(built, name):
    if "\n" in name or "\t" in name:
        with pytest.raises(Exception, match="name"):
            built(Settings(**FIRST), name)
        return
    bundle, _ = built(Settings(**FIRST), name)
    assert (bundle.manifest.name, bundle.manifest.author) == (name, "Ada")


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"features": "wavelet"}, "features"),
        ({"orders": 0}, "orders"),
        ({"orders": "8"}, "orders"),
        ({"orders": 65}, "orders"),
        ({"features": "taylor", "orders": 17}, "orders"),
        ({"hidden": [8] * 5}, "hidden"),
        ({"hidden": [8, 0]}, "hidden.1"),
        ({"activation": "__import__('os')"}, "activation"),
        ({"more": 1}, "more"),
    ],
)
def test_settings_that_the_page_does_not_offer_are_refused_by_name(change, found):
    with pytest.raises(Refused, match=found) as caught:
        parse_settings(json.dumps(FIRST | change))
    assert caught.value.status == 422


def test_settings_that_are_no_json_are_refused():
    with pytest.raises(Refused):
        parse_settings("{")


def _with_nan(tensors):
    tensors["1.bias"][0] = float("nan")
    return tensors


@pytest.mark.parametrize(
    ("tamper", "found"),
    [
        (lambda s: save({k: v for k, v in s.items() if k != "1.bias"}), "names"),
        (lambda s: save(s | {"9.weight": torch.zeros(1)}), "names"),
        (lambda s: save(s | {"1.bias": torch.zeros(17)}), "1.bias"),
        (lambda s: save(s | {"1.bias": torch.zeros(16, dtype=torch.float64)}), "1.bias"),
        (lambda s: save(_with_nan(s)), "finite"),
        (lambda s: save(s)[:-4], "end where the file ends"),
        (lambda s: save(s) + b"PK", "end where the file ends"),
        (lambda _s: b"\xff" * 8, "header claims"),
        (lambda _s: b"PK", "shorter than a header"),
    ],
)
def test_weights_that_do_not_belong_are_refused(tamper, found):
    settings = Settings(**FIRST)
    with pytest.raises(Refused, match=found):
        make_bundle(settings, tamper(state(settings)), name="one", author="Ada")


def post(visitor, what, **changes):
    settings = Settings(**FIRST)
    page = visitor.get("/play").text
    form = {
        "csrf_token": re.search(r'name="csrf_token" value="([^"]+)"', page)[1],
        "name": "my first",
        "person": "Grace",
        "settings": json.dumps(FIRST),
        "weights": (io.BytesIO(save(state(settings))), "weights.safetensors"),
    }
    return visitor.client.post(
        f"/play/{what}", data={k: v for k, v in (form | changes).items() if v is not None},
        headers={"Accept": "application/json"}, content_type="multipart/form-data",
    )  # fmt: skip


def test_a_stranger_becomes_a_person_by_a_name_and_is_on_the_way_to_the_board(board, browser):
    visitor = browser(board.app)
    answer = post(visitor, "submit")
    assert answer.status_code == 201, answer.text
    status = board.get(f"/api/v1/submissions/{answer.json['id']}").json
    assert (status["name"], status["author"], status["status"]) == ("my first", "Grace", "queued")
    assert status["url"].endswith(answer.json["url"])
    assert visitor.name == "Grace"
    # The same network again is the same entry, and nobody is asked for a name any more.
    again = post(visitor, "submit", person=None)
    assert (again.status_code, again.json["id"]) == (200, answer.json["id"])


def test_what_is_refused_makes_no_account(board, browser):
    visitor = browser(board.app)
    answer = post(visitor, "submit", settings=json.dumps(FIRST | {"orders": 9}))
    assert (answer.status_code, answer.json["code"]) == (422, "play_weights")
    assert visitor.name is None
    answer = post(visitor, "submit", person="ada")
    assert (answer.status_code, answer.json["code"]) == (409, "name_taken")
    assert post(visitor, "submit", weights=None).json["code"] == "play_weights"


def test_a_form_of_another_site_is_refused(board, browser):
    answer = post(browser(board.app), "submit", csrf_token="x")
    assert answer.status_code in (400, 403)
    assert answer.json["code"]


def test_a_board_that_makes_its_own_accounts_asks_to_sign_in(served, browser):
    visitor = browser(served(sign_up=False))
    assert 'name="person"' not in visitor.get("/play").text
    assert post(visitor, "submit").json["code"] == "sign_up_closed"


def test_the_download_is_the_bundle_that_is_submitted(board, browser, tmp_path):
    visitor = browser(board.app)
    (tmp_path / "taken.zip").write_bytes(post(visitor, "bundle").data)
    number = post(visitor, "submit").json["id"]
    with visitor.get(f"/api/v1/submissions/{number}/bundle") as answer:
        (tmp_path / "kept.zip").write_bytes(answer.data)
    taken, kept = read_bundle(tmp_path / "taken.zip"), read_bundle(tmp_path / "kept.zip")
    assert taken.files == kept.files
    assert np.isfinite(np.frombuffer(taken.weights[-64:], np.float32)).all()


def test_the_limits_hold_every_network_of_the_page():
    largest = Settings(features="random", orders=128, hidden=[128] * 4, activation="gelu")
    assert 4 * sum(np.prod(shape) for shape in largest.shapes.values()) < play_bundles.WEIGHTS_LIMIT / 4


@pytest.mark.parametrize("slug", ["", "functions", "neuron", "sums", "hinges", "descent", "features"])
def test_pages_of_learn_say_what_they_say_without_scripts(board, slug):
    answer = board.get(f"/learn/{slug}")
    assert answer.status_code == 200
    assert "<h1>" in answer.text
    assert "no JavaScript" in answer.text or not slug


def test_a_page_of_learn_that_is_not_there(board):
    assert board.get("/learn/alchemy").status_code == 404
