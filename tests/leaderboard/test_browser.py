"""The pages in Chromium, against a server that really runs."""

import io
import os
import shutil
import socket
import subprocess
import sys
import time

import httpx
import pytest
from PIL import Image

from challenge.season import Season

playwright = pytest.importorskip("playwright.sync_api")

WIDTHS = (390, 1440)


@pytest.fixture(scope="module")
def server(tmp_path_factory, stage):
    folder = tmp_path_factory.mktemp("browser")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {
        "MBC_CONFIG": str(folder / "config.toml"),
        "MBC_BOARD_CHAINS": "16",
        "MBC_BOARD_TRUTH_PIXELS": "24",
    }
    process = subprocess.Popen(
        [
            sys.executable, "-c", "from leaderboard.cli import serve; serve()",
            "--no-worker", "--port", str(port), "--data", str(folder / "data"),
        ],
        stdout=subprocess.DEVNULL,
        env=os.environ | settings,
    )  # fmt: skip
    found = Judge(f"http://127.0.0.1:{port}", folder / "data", stage)
    try:
        end = time.monotonic() + 40
        while not found.up():
            assert time.monotonic() < end
            time.sleep(0.1)
        for index, (name, octaves) in enumerate(
            (("Seepferdchen", 9.4), ("a plain one with a very long name indeed", 5.1))
        ):
            found.judge(found.submit(name, values=3 + index), octaves, index)
        yield found
    finally:
        process.terminate()
        process.wait(20)


class Judge:
    """Stands in for a worker, over HTTP."""

    def __init__(self, url, data, stage):
        self.url, self.data, self.stage = url, data, stage

    def up(self):
        try:
            return httpx.get(f"{self.url}/api/v1/seasons").is_success
        except httpx.TransportError:
            return False

    def headers(self, name):
        return {"Authorization": f"Bearer {(self.data / 'tokens' / name).read_text().strip()}"}

    def submit(self, name, **fields):
        files = {"bundle": ("x.zip", self.stage.bundle_bytes(name, readme="# Read me", **fields))}
        answer = httpx.post(f"{self.url}/api/v1/submissions", files=files, headers=self.headers("local"))
        return answer.json()["evaluation_id"]

    def claim(self, evaluation):
        path = f"{self.url}/api/v1/worker/evaluations/{evaluation}"
        claim = httpx.post(f"{path}/claim", headers=self.headers("worker")).json()
        http = httpx.Client(base_url=path, headers=self.headers("worker") | {"X-MBC-Lease": claim["lease"]})
        return http, Season(claim["season"]["name"], bytes.fromhex(claim["season"]["secret"]))

    def finish(self, http, season, octaves, seed):
        for octave in range(2, 12):
            for kind in ("model", "error"):
                picture = io.BytesIO()
                Image.new("RGB", (24, 24), (20 * octave, 90, 160)).save(picture, "PNG")
                name = f"artifacts/seahorse-valley/{octave:02d}/{kind}.png"
                http.put(name, content=picture.getvalue()).raise_for_status()
        report = self.stage.report(season, self.stage.skills(octaves, seed, chains=16))
        http.post("report", json=report).raise_for_status()

    def judge(self, evaluation, octaves, seed):
        http, season = self.claim(evaluation)
        with http:
            self.finish(http, season, octaves, seed)


@pytest.fixture(scope="module")
def chromium():
    with playwright.sync_playwright() as driver:
        try:
            browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        except playwright.Error as error:
            pytest.skip(f"no Chromium: {error}")
        yield browser
        browser.close()


@pytest.fixture
def page(chromium):
    opened = []

    def open_page(url, width=1440, **options):
        context = chromium.new_context(viewport={"width": width, "height": 900}, **options)
        one = context.new_page()
        one.complaints = []
        one.on("console", lambda m: m.type in {"error", "warning"} and one.complaints.append(m.text))
        one.on("pageerror", lambda e: one.complaints.append(str(e)))
        opened.append((context, one))
        one.goto(url)
        return one

    yield open_page
    complaints = [complaint for _, one in opened for complaint in one.complaints]
    for context, _ in opened:
        context.close()
    # Also whatever the content security policy refused.
    assert complaints == []


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("path", ["/", "/submissions/1", "/submit", "/rules"])
def test_no_page_is_wider_than_the_screen(server, page, path, width):
    one = page(server.url + path, width)
    assert one.evaluate("document.documentElement.scrollWidth") <= width


def test_the_board_reads_without_scripts(server, page):
    one = page(server.url, java_script_enabled=False)
    assert one.locator(".standings tbody tr").count() >= 2
    one.locator(".standings a.name", has_text="Seepferdchen").click()
    assert one.locator("h1").inner_text() == "Seepferdchen"
    octave = one.locator("[data-out=octave]").inner_text()
    one.locator('a[aria-label="One octave in"]').click()
    assert one.locator("[data-out=octave]").inner_text() != octave


def test_octaves_by_keyboard_and_by_slider(server, page):
    one = page(f"{server.url}/submissions/1?place=seahorse-valley&octave=4")
    one.locator("#zoom").scroll_into_view_if_needed()
    one.keyboard.press("ArrowRight")
    playwright.expect(one.locator("[data-out=octave]")).to_have_text("Octave 5")
    for kind, source in (
        ("model", "/evaluations/1/seahorse-valley/05/model.png"),
        ("truth", "/truth/seahorse-valley/5.png"),
    ):
        playwright.expect(one.locator(f"img[data-kind={kind}]")).to_have_count(1)
        playwright.expect(one.locator(f"img[data-kind={kind}]")).to_have_attribute("src", source)
    assert "octave=5" in one.url
    one.locator("input[type=range]").fill("9")
    playwright.expect(one.locator("[data-out=octave]")).to_have_text("Octave 9")
    one.reload()
    playwright.expect(one.locator("[data-out=octave]")).to_have_text("Octave 9")


def test_an_evaluation_is_followed_without_reloading(server, page):
    evaluation = server.submit("live one", values=50)
    board = page(server.url)
    playwright.expect(board.locator(".pending")).to_contain_text("live one")
    number = httpx.get(f"{server.url}/api/v1/board").json()["pending"][0]["submission_id"]
    follower = page(f"{server.url}/submissions/{number}")
    playwright.expect(follower.locator(".stages .now")).to_have_text("queued")
    http, season = server.claim(evaluation)
    with http:
        http.post("status", json={"status": "refitting", "progress": 0.5, "message": "Fitting digits."})
        playwright.expect(follower.locator(".stages .now")).to_have_text("refitting")
        playwright.expect(follower.locator(".live .message")).to_have_text("Fitting digits.")
        playwright.expect(board.locator(".pending")).to_contain_text("Fitting digits.", timeout=10_000)
        server.finish(http, season, 7.0, 9)
    playwright.expect(follower.locator(".score strong")).to_be_visible(timeout=10_000)
    playwright.expect(board.locator(".standings")).to_contain_text("live one", timeout=15_000)
    playwright.expect(board.locator(".pending")).to_have_count(0)


def test_a_bundle_goes_in_by_form(server, page, stage):
    one = page(f"{server.url}/submit")
    one.fill("#token", "mbc_wrong")
    content = stage.bundle_bytes("by form", values=60)
    file = {"name": "x.zip", "mimeType": "application/zip", "buffer": content}
    one.set_input_files("#bundle", file)
    one.click("button[type=submit]")
    playwright.expect(one.locator("[role=alert]")).to_contain_text("not valid")
    # The browser tells of the 401 on its console; that is no complaint of the page's.
    one.complaints.clear()
    one.fill("#token", server.headers("local")["Authorization"].split()[1])
    one.set_input_files("#bundle", file)
    one.click("button[type=submit]")
    playwright.expect(one.locator("h1")).to_have_text("by form")
