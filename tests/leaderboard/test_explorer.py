"""The explorer for real: a server, a tile worker with bubblewrap, and Chromium."""

import io
import re
import shutil
import subprocess
import time

import httpx
import numpy as np
import pytest
from PIL import Image

from challenge.imaging.tiles import SIDE, decode
from challenge.scoring.season import Season
from challenge.util.queue import embedded_broker
from tests.support import seed_data
from tests.support.processes import MBC, Server

torch = pytest.importorskip("torch")
if shutil.which("bwrap") is None:
    pytest.skip("bubblewrap is not installed", allow_module_level=True)

SOURCE = """
from torch import nn

def build(in_features, out_features):
    return nn.Sequential(nn.Linear(in_features, 16), nn.GELU(), nn.Linear(16, out_features))
"""
BROKEN = SOURCE.replace("nn.GELU()", "nn.GELU(), Broken()").replace(
    "def build",
    'class Broken(nn.Module):\n    def forward(self, x):\n        raise ValueError("no")\n\ndef build',
)


PICTURE = io.BytesIO()
Image.new("RGB", (24, 24), (90, 40, 160)).save(PICTURE, "PNG")
PICTURE = PICTURE.getvalue()


def network():
    torch.manual_seed(11)
    return torch.nn.Sequential(torch.nn.Linear(2, 16), torch.nn.GELU(), torch.nn.Linear(16, 1))


def weights(shift=0.0):
    from safetensors.torch import save

    state = network().state_dict()
    return save({name: value + shift for name, value in state.items()})


class Site(Server):
    """A server, a worker for tiles, and two judged entries: a model that works, and one that does not."""

    def __init__(self, folder):
        super().__init__(folder, "--no-worker", environment={"MBC_LIMIT_THREADS": "1"})
        self.wait_until_up()
        self.painter = self.start(
            *(*MBC, "worker", "--server", self.url, "--broker", embedded_broker(self.data)),
            *("--tiles", "--device", "cpu"),
            environment={"MBC_WORKER_TOKEN": self.token("worker")},
            stdout=subprocess.DEVNULL,
        )
        self.good = self.judged("a small one", SOURCE, weights())
        self.bad = self.judged("a broken one", BROKEN, weights())

    def close(self):
        # What it started ends with it; waiting for its queue at the end would take half a minute.
        self.painter.kill()
        self.painter.wait(30)
        self.stop()

    def judged(self, name, model, state):
        """Hand a bundle in, and stand in for the judge."""
        files = {"bundle": ("x.zip", seed_data.bundle_bytes(name, model=model, weights=state))}
        headers = self.headers("local")
        handed = httpx.post(f"{self.url}/api/v1/submissions", files=files, headers=headers).json()
        headers = self.headers("worker")
        path = f"{self.url}/api/v1/worker/evaluations/{handed['evaluation_id']}"
        claim = httpx.post(f"{path}/claim", headers=headers).json()
        season = Season(claim["season"]["name"], bytes.fromhex(claim["season"]["secret"]))
        report = seed_data.report(season, seed_data.skills(6.0, 1, chains=16))
        lease = headers | {"X-MBC-Lease": claim["lease"]}
        for kind in ("model", "error"):
            picture = f"{path}/artifacts/seahorse-valley/05/{kind}.png"
            httpx.put(picture, content=PICTURE, headers=lease).raise_for_status()
        httpx.post(f"{path}/report", json=report, headers=lease).raise_for_status()
        return handed["id"]

    def wish(self, number, tiles):
        path = f"{self.url}/api/v1/tiles/submissions/{number}/wishes"
        answer = httpx.post(path, json={"tiles": tiles}, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def wish_until(self, number, tiles, condition):
        end = time.monotonic() + 90
        while not condition(state := self.wish(number, tiles)):
            assert time.monotonic() < end, state
            time.sleep(0.1)
        return state


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    made = Site(tmp_path_factory.mktemp("explorer"))
    yield made
    made.close()


def test_a_tile_of_a_model_is_what_the_model_says(site):
    tiles = [[1, 0, 1], [7, 40, 60]]
    state = site.wish_until(site.good, tiles, lambda s: not s["waiting"])
    assert sorted(state["ready"]) == tiles
    assert state["worker"]
    for octave, x, y in tiles:
        answer = httpx.get(f"{site.url}/api/v1/tiles/submissions/{site.good}/{octave}/{x}/{y}")
        # Unit coordinates, by hand: [-1, 1]^2 is the base window.
        pixel = (np.arange(SIDE) + 0.5) / SIDE
        across, down = np.meshgrid(-1 + 2 * (x + pixel) / 2**octave, 1 - 2 * (y + pixel) / 2**octave)
        unit = torch.tensor(np.stack([across.ravel(), down.ravel()], 1), dtype=torch.float32)
        with torch.no_grad():
            expected = network()(unit)[:, 0].numpy()
        assert np.abs(decode(answer.content) - expected).max() <= 0.51 * np.ptp(expected) / 65_533 + 1e-6


def test_why_a_model_cannot_be_drawn_is_told(site):
    state = site.wish_until(site.bad, [[0, 0, 0]], lambda s: s["problem"])
    assert state["waiting"] == 0
    assert "no" not in re.findall(r"\w+", state["problem"])


@pytest.fixture
def page(page):
    """A wide page of a browser whose console stays empty (see the fixture of that name for all tests)."""
    one = page("about:blank", width=1200)
    one.set_default_timeout(60_000)
    return one


# Every tile in sight of a map is there, and the one in its middle has at least so many colours.
THERE = """([map, least]) => {
    const box = document.querySelector(`[data-map=${map}]`);
    const tiles = [...box.querySelectorAll(".tile")];
    if (!tiles.length || tiles.some((tile) => tile.classList.contains("waiting"))) return false;
    const { left, top, width, height } = box.getBoundingClientRect();
    const canvas = tiles.map((tile) => tile.querySelector("canvas")).find((one) => {
        const r = one.getBoundingClientRect();
        const [x, y] = [left + width / 2, top + height / 2];
        return r.left <= x && r.right > x && r.top <= y && r.bottom > y;
    });
    const pixels = canvas?.getContext("2d").getImageData(0, 0, 256, 256).data;
    return pixels && new Set(new Uint32Array(pixels.buffer)).size >= least;
}"""


def test_two_maps_zoom_together_and_the_address_brings_one_back(site, page):
    expect = pytest.importorskip("playwright.sync_api").expect
    where = "re=-0.74516&im=0.11317&octave=4&colours=viridis"
    page.goto(f"{site.url}/submissions/{site.good}/explore?{where}")
    for name in ("truth", "model"):
        page.wait_for_function(THERE, arg=[name, 4])
    page.locator("[data-map=truth]").focus()
    page.keyboard.press("+")
    expect(page.locator("[data-out=octave]")).to_have_text("5")
    page.mouse.move(300, 400)
    page.mouse.down()
    page.mouse.move(220, 350, steps=5)
    # Let go at rest: a map that is thrown goes on.
    page.wait_for_timeout(200)
    page.mouse.up()
    page.keyboard.press("e")
    page.wait_for_url("**octave=5**show=error**")
    # A model that has learned nothing may be as wrong as can be everywhere: one colour.
    for look in (["truth", 4], ["model", 1]):
        page.wait_for_function(THERE, arg=look)
    centre = page.locator("[data-out=centre]").inner_text()
    re_, im = (float(v) for v in re.search(r"re=([-\d.]+)&im=([-\d.]+)", page.url).groups())
    # 80 pixels to the right and 50 down, of 4 / 2^5 / 256 each.
    assert abs(re_ - (-0.74516 + 80 * 4 / 2**5 / 256)) < 25 * 4 / 2**5 / 256
    assert abs(im - (0.11317 - 50 * 4 / 2**5 / 256)) < 25 * 4 / 2**5 / 256
    page.reload()
    for look in (["truth", 4], ["model", 1]):
        page.wait_for_function(THERE, arg=look)
    expect(page.locator("[data-out=octave]")).to_have_text("5")
    expect(page.locator("[data-out=centre]")).to_have_text(centre)
    expect(page.locator("[data-show=error]")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#colours")).to_have_value("viridis")
    page.set_viewport_size({"width": 390, "height": 800})
    page.locator("button[data-view=swipe]").click()
    page.locator(".divider").press("End")
    expect(page.locator(".divider")).to_have_attribute("aria-valuenow", "100")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_two_models_and_the_truth_move_together(site, page):
    expect = pytest.importorskip("playwright.sync_api").expect
    page.goto(f"{site.url}/submissions/{site.good}/explore?second={site.good}&octave=4&re=-0.745&im=0.113")
    page.locator("[data-map=truth]").focus()
    page.keyboard.press("+")
    expect(page.locator("[data-out=octave]")).to_have_text("5")
    for look in (["truth", 4], ["model", 1], ["second", 1]):
        page.wait_for_function(THERE, arg=look)
    page.wait_for_url("**octave=5**")
    expect(page).to_have_url(re.compile(f"second={site.good}"))


def test_the_swipe_gets_sharper_pictures_from_the_tiles(site, page):
    asked = []
    page.on("requestfinished", lambda one: asked.append(one.url))
    page.goto(f"{site.url}/submissions/{site.good}?view=swipe&place=seahorse-valley&octave=5")
    page.locator("#zoom").scroll_into_view_if_needed()
    page.locator('.swipe[data-sharp="seahorse-valley/5/error"]').wait_for()
    # Tiles of the next octave: twice as fine as 256 pixels across the view.
    for kind in ("truth", f"submissions/{site.good}"):
        assert sum(f"/tiles/{kind}/6/" in url for url in asked) >= 4


def test_quick_steps_add_up_and_keys_act_in_the_explorer_alone(site, page):
    expect = pytest.importorskip("playwright.sync_api").expect
    page.goto(f"{site.url}/explore?re=-0.74516&im=0.11317&octave=3")
    page.wait_for_function(THERE, arg=["truth", 4])
    page.locator(".brand").focus()
    page.keyboard.press("+")
    expect(page.locator("[data-out=octave]")).to_have_text("3")
    page.locator("[data-map=truth]").focus()
    for _ in range(12):
        page.keyboard.press("+")
    expect(page.locator("[data-out=octave]")).to_have_text("15")
    page.wait_for_function(THERE, arg=["truth", 4])


def test_the_truth_goes_on_below_doubles(site, page):
    expect = pytest.importorskip("playwright.sync_api").expect
    page.goto(f"{site.url}/explore?place=deep-spiral&octave=34")
    page.wait_for_function(THERE, arg=["truth", 4])
    page.locator("[data-map=truth]").focus()
    for _ in range(9):
        page.keyboard.press("+")
    expect(page.locator("[data-out=octave]")).to_have_text("43")
    # The place stays in the middle through every change of the part of the plane that the map shows.
    centre = page.locator("[data-out=centre]")
    expect(centre).to_have_text("\N{MINUS SIGN}0.77568376800905380 + 0.13646736829469012 i")
    page.wait_for_function(THERE, arg=["truth", 4])
    page.locator("#octave").fill("300")
    expect(page).to_have_url(re.compile(r"re=-0\.7756837680090537974694835039347\d+&.*octave=300"))
    there = page.url
    page.wait_for_function(THERE, arg=["truth", 4])
    page.mouse.move(300, 400)
    page.mouse.down()
    page.mouse.move(220, 350, steps=5)
    # Let go at rest: a map that is thrown goes on.
    page.wait_for_timeout(200)
    page.mouse.up()
    expect(page).not_to_have_url(there)
    seen = centre.inner_text()
    page.reload()
    expect(centre).to_have_text(seen)
    page.locator("#octave").fill("20")
    expect(page).to_have_url(re.compile("octave=20"))
    page.wait_for_function(THERE, arg=["truth", 4])


def test_a_limit_that_hides_the_picture_is_told_and_can_be_raised(site, page):
    expect = pytest.importorskip("playwright.sync_api").expect
    page.goto(f"{site.url}/explore?place=deep-minibrot&octave=140")
    line = page.locator("[data-out=limit]")
    expect(line).to_have_text("Hardly a point here escapes within 20,000 steps.")
    page.get_by_role("button", name="Take up to 200,000").click()
    expect(page).to_have_url(re.compile("limit=200000"))
    # Where points escape, nothing is hidden.
    page.locator("#octave").fill("120")
    expect(line).to_have_text("Up to 200,000 steps.")
