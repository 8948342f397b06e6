"""The pages in Chromium, against a server that really runs."""

import io
import re

import httpx
import pytest
from PIL import Image

from challenge.scoring.season import Season
from tests.support import seed_data, seed_evidence
from tests.support.browser import check_layout, redrawn
from tests.support.processes import Server

playwright = pytest.importorskip("playwright.sync_api")

PAGES = (
    "/",
    "/?track=samples",
    "/history?track=open",
    "/submissions/1?rival=2",
    "/submissions/1/explore",
    "/submissions/1/explore?second=2",
    "/people/1",
    "/submit",
    "/sign-in",
    "/sign-up",
    "/rules",
    "/api",
    "/integrity",
    "/explore",
    "/compare?a=1&b=2",
)
# The ends of the error's colours: none, and as large as the view's deviation.
ERRORS = ((0, 0, 4), (252, 255, 164))


def picture(colour):
    """A PNG of one colour, as bytes."""
    buffer = io.BytesIO()
    Image.new("RGB", (24, 24), colour).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    found = JudgedServer(
        tmp_path_factory.mktemp("browser"), "--no-worker", environment={"MBC_BOARD_TRUTH_PIXELS": "24"}
    )
    try:
        found.wait_until_up()
        # Of two people, for the board ranks everybody's best.
        owners = found.headers("local"), found.person("eve")
        names = ("Seepferdchen", 9.4), ("a plain one with a very long name indeed", 5.1)
        for index, (name, octaves) in enumerate(names):
            frames = {f"frames/{k}.png": picture((40 * k, 0, 0)) for k in range(4)}
            number = found.upload(name, headers=owners[index], values=3 + index, extra=frames)
            found.judge(number, octaves, index)
        yield found
    finally:
        found.stop()


class JudgedServer(Server):
    """A server, and what a worker tells it, over HTTP."""

    def person(self, name):
        """The Authorization of a new person."""
        said = self.mbc("admin", "--data", self.data, "users", "add", name)
        return {"Authorization": f"Bearer {re.search(r'mbc_[^ ]+', said)[0].strip()}"}

    def upload(self, name, headers=None, **fields):
        files = {"bundle": ("x.zip", seed_data.bundle_bytes(name, readme="# Read me", **fields))}
        headers = headers or self.headers("local")
        answer = httpx.post(f"{self.url}/api/v1/submissions", files=files, headers=headers)
        return answer.json()["evaluation_id"]

    def claim(self, evaluation):
        path = f"{self.url}/api/v1/worker/evaluations/{evaluation}"
        claim = httpx.post(f"{path}/claim", headers=self.headers("worker")).json()
        http = httpx.Client(base_url=path, headers=self.headers("worker") | {"X-MBC-Lease": claim["lease"]})
        return http, Season(claim["season"]["name"], bytes.fromhex(claim["season"]["secret"]))

    def finish(self, http, season, octaves, seed):
        for octave in range(2, 12):
            for kind in ("model", "error"):
                colour = (20 * octave, 90 + 60 * seed, 160) if kind == "model" else ERRORS[octave > octaves]
                name = f"artifacts/seahorse-valley/{octave:02d}/{kind}.png"
                http.put(name, content=picture(colour)).raise_for_status()
        report = seed_data.report(season, seed_data.skills(octaves, seed, chains=16))
        evidence = seed_evidence.evidence(report)
        http.put("evidence", content=evidence.to_json()).raise_for_status()
        http.post("report", json=report).raise_for_status()

    def judge(self, evaluation, octaves, seed):
        http, season = self.claim(evaluation)
        with http:
            self.finish(http, season, octaves, seed)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_fits_every_screen_and_axe_finds_nothing_serious(server, page, path):
    check_layout(page(server.url + path))


def test_the_board_reads_without_scripts(server, page):
    one = page(server.url, java_script_enabled=False)
    assert one.locator(".standings tbody tr").count() >= 2
    one.locator(".standings a.name", has_text="Seepferdchen").click()
    playwright.expect(one.locator("h1")).to_have_text("Seepferdchen")
    octave = one.locator("[data-out=octave]").inner_text()
    one.locator('a[aria-label="One octave in"]').click()
    playwright.expect(one.locator("[data-out=octave]")).not_to_have_text(octave)


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
    playwright.expect(one).to_have_url(re.compile("octave=5"))
    one.get_by_label("Octave", exact=True).fill("9")
    playwright.expect(one.locator("[data-out=octave]")).to_have_text("Octave 9")
    one.reload()
    playwright.expect(one.locator("[data-out=octave]")).to_have_text("Octave 9")


def test_an_evaluation_is_followed_without_reloading(server, page):
    evaluation = server.upload("live one", headers=server.person("live"), values=50)
    board = page(server.url)
    playwright.expect(board.locator(".pending")).to_contain_text("live one")
    number = httpx.get(f"{server.url}/api/v1/board").json()["pending"][0]["submission_id"]
    follower = page(f"{server.url}/submissions/{number}")
    # It waits on both tracks; the open one, which is first, is followed.
    now, message = follower.locator(".stages .now"), follower.locator(".live .message")
    playwright.expect(now).to_have_text(["queued", "queued"])
    http, season = server.claim(evaluation)
    with http:
        http.post("status", json={"status": "refitting", "progress": 0.5, "message": "Fitting digits."})
        playwright.expect(now).to_have_text(["refitting", "queued"])
        playwright.expect(message.first).to_have_text("Fitting digits.")
        playwright.expect(board.locator(".pending")).to_contain_text("Fitting digits.", timeout=10_000)
        server.finish(http, season, 7.0, 9)
    playwright.expect(follower.locator(".score strong")).to_be_visible(timeout=10_000)
    playwright.expect(board.locator(".standings")).to_contain_text("live one", timeout=15_000)
    playwright.expect(board.locator(".pending")).to_have_count(0)


def test_a_bundle_goes_in_by_form(server, page):
    token = server.person("form")["Authorization"].split()[1]
    one = page(f"{server.url}/sign-in?next=/submit")
    one.fill("[name=name]", "form")
    one.fill("[name=password]", token)
    one.click("main button[type=submit]")
    content = seed_data.bundle_bytes("by form", values=60)
    file = {"name": "x.zip", "mimeType": "application/zip", "buffer": content}
    one.set_input_files("#bundle", file)
    one.click("main form button[type=submit]")
    playwright.expect(one.locator("h1")).to_have_text("by form")


PLACE = "place=seahorse-valley"
# The colour of a layer's canvas at a share of its width and height.
PIXEL = """([layer, x, y]) => {
    const canvas = document.querySelector(layer + " canvas");
    const pen = canvas.getContext("2d");
    return [...pen.getImageData(x * canvas.width, y * canvas.height, 1, 1).data].slice(0, 3);
}"""


def pixel(page, layer, x, y, colour):
    """Wait until a layer has a colour at a place."""
    close = f"([a, c]) => ({PIXEL})(a).every((v, k) => Math.abs(v - c[k]) < 6)"
    page.wait_for_function(close, arg=[[layer, x, y], list(colour)], timeout=8000)


def model(octave, seed=0):
    return (20 * octave, 90 + 60 * seed, 160)


def test_panels_zoom_and_move_together(server, page):
    one = page(f"{server.url}/submissions/1?{PLACE}&octave=4")
    pixel(one, "[data-layer=model]", 0.5, 0.5, model(4))
    one.locator("[data-layer=truth]").click()
    for _ in range(2):
        one.keyboard.press("+")
        one.wait_for_timeout(500)
    playwright.expect(one.locator("[data-out=octave]")).to_have_text("Octave 5")
    pixel(one, "[data-layer=model]", 0.5, 0.5, model(5))
    # Dragged by a third in one panel, the other shows the wider octave beyond the edge of the picture.
    box = one.locator("[data-layer=truth]").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    one.mouse.move(x, y)
    one.mouse.down()
    one.mouse.move(x - box["width"] / 3, y, steps=4)
    one.mouse.up()
    pixel(one, "[data-layer=model]", 0.9, 0.5, model(4))
    pixel(one, "[data-layer=model]", 0.1, 0.5, model(5))
    one.keyboard.press("0")
    pixel(one, "[data-layer=model]", 0.9, 0.5, model(5))
    # The wheel scrolls the page until the picture is taken hold of, and then zooms about the pointer.
    one.mouse.move(x, y)
    one.mouse.wheel(0, -400)
    playwright.expect(one.locator("[data-out=octave]")).to_have_text("Octave 6")


def test_a_divider_is_moved_by_keyboard_and_by_pointer(server, page):
    one = page(f"{server.url}/submissions/1?{PLACE}&octave=4")
    one.locator("[data-mode=swipe]").click()
    pixel(one, ".swipe", 0.5, 0.5, model(4))
    pixel(one, ".swipe", 0.9, 0.5, ERRORS[0])
    first, second = one.get_by_role("slider", name="Divider between").all()
    second.focus()
    one.keyboard.press("End")
    pixel(one, ".swipe", 0.9, 0.5, model(4))
    first.focus()
    one.keyboard.press("Home")
    pixel(one, ".swipe", 0.05, 0.5, model(4))
    playwright.expect(first).to_have_attribute("aria-valuenow", "0")
    # Pictures further up may still push it down.
    one.wait_for_load_state("networkidle")
    box = one.locator(".stage").bounding_box()
    middle = box["y"] + box["height"] / 2
    one.mouse.move(box["x"] + box["width"] - 3, middle)
    one.mouse.down()
    one.mouse.move(box["x"] + box["width"] / 2, middle, steps=4)
    one.mouse.up()
    pixel(one, ".swipe", 0.9, 0.5, ERRORS[0])
    playwright.expect(second).to_have_attribute("aria-valuenow", "50")


def test_colours_and_places_are_kept_in_the_address(server, page):
    one = page(f"{server.url}/submissions/1?{PLACE}&octave=4")
    one.get_by_label("Colours").select_option("grey")
    one.wait_for_url("**colours=grey**")
    one.locator("[data-go=best]").click()
    playwright.expect(one.locator("[data-out=octave]")).to_have_text("Octave 9")
    playwright.expect(one.locator(".skill-map button.here")).to_have_count(1)
    one.reload()
    playwright.expect(one.get_by_label("Colours")).to_have_value("grey")
    source = "/evaluations/1/seahorse-valley/09/model.png?colours=grey"
    playwright.expect(one.locator("img[data-kind=model]")).to_have_attribute("src", source)
    one.locator(".skill-map button").first.click()
    playwright.expect(one.locator("[data-out=octave]")).to_have_text("Octave 2")


def test_two_entries_are_swiped_against_the_truth(server, page):
    one = page(f"{server.url}/compare?a=1&b=2&{PLACE}&octave=7")
    playwright.expect(one.locator("h1")).to_contain_text("Seepferdchen")
    # At octave 7 the first is right and the second is wrong: violet.
    pixel(one, "[data-layer=beats]", 0.5, 0.5, (150, 120, 255))
    one.locator("[data-layer=a]").click()
    one.keyboard.press("s")
    pixel(one, ".swipe", 0.5, 0.5, model(7))
    pixel(one, ".swipe", 0.9, 0.5, model(7, seed=1))
    one.get_by_role("link", name="Swap").click()
    playwright.expect(one.locator(".score.b")).to_be_visible()


def test_a_comparison_is_chosen_without_scripts(server, page):
    one = page(f"{server.url}/submissions/1", java_script_enabled=False)
    one.get_by_role("link", name="Compare with").click()
    one.get_by_label("B", exact=True).select_option(value="2")
    one.get_by_role("button", name="Compare").click()
    playwright.expect(one.locator(".outcome .score")).to_be_visible()
    playwright.expect(one.locator(".panels img")).to_have_count(4)


def test_a_surface_is_turned(server, page):
    one = page(f"{server.url}/submissions/1")
    one.locator("#controls summary").click()
    drawn = one.locator(".surface svg")
    drawn.scroll_into_view_if_needed()
    drawn.hover()
    canvas = one.locator(".surface canvas")
    playwright.expect(canvas).to_be_visible()
    seen = [canvas.evaluate("c => c.toDataURL()")]
    canvas.focus()
    one.keyboard.press("ArrowRight")
    seen.append(redrawn(one, canvas, seen))
    box = canvas.bounding_box()
    one.mouse.move(box["x"] + 100, box["y"] + 100)
    one.mouse.down()
    one.mouse.move(box["x"] + 140, box["y"] + 100)
    one.mouse.up()
    redrawn(one, canvas, seen)


def test_the_film_has_a_slider_and_plays(server, page):
    one = page(f"{server.url}/submissions/1")
    film = one.locator(".film")
    film.scroll_into_view_if_needed()
    film.locator("input").fill("1")
    playwright.expect(film.locator("img")).to_have_attribute("src", re.compile(r"/frames/1\.png$"))
    film.get_by_role("button", name="Play").click()
    playwright.expect(film.locator("[data-out=frame]")).to_have_text("4 of 4")
    playwright.expect(film.get_by_role("button", name="Play")).to_be_visible()


def test_a_rival_is_drawn_beside_it(server, page):
    one = page(f"{server.url}/submissions/1")
    one.get_by_label("Against", exact=True).select_option(value="2")
    playwright.expect(one.locator(".line.rival:visible")).to_have_count(1)
    one.locator(".hit").nth(6).hover()
    playwright.expect(one.locator(".readout")).to_contain_text("a plain one with a very long name")
