"""Pages for everybody: axe-core on each, in both colour schemes, and an account by keyboard alone."""

import contextlib
import re
import threading

import pytest
from werkzeug.serving import make_server

playwright = pytest.importorskip("playwright.sync_api")
from axe_playwright_python.sync_playwright import Axe  # noqa: E402 - needs playwright

PASSWORD = "three quiet elephants"


@pytest.fixture
def url(board):
    def closing(environment, start):
        # Werkzeug's server leaves a file open where the browser has gone before all of it was sent.
        with contextlib.closing(board.app(environment, start)) as answer:
            yield from answer

    server = make_server("127.0.0.1", 0, closing, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_axe_finds_no_serious_issue(board, url, chromium):
    """On pages that test_browser.py does not show, or shows with other entries or to nobody."""
    one = board.judged("one", 8, 1)
    board.judged("a reference", 6, 2, headers=board.reference)
    board.judged("rejected", 4, 3, verdict="rejected", universal=False, sentence="Too low.")
    board.submit("waiting", values=60)
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    page = context.new_page()
    wrong = {}

    def look(path):
        page.goto(url + path)
        for scheme in ("dark", "light"):
            page.emulate_media(color_scheme=scheme)
            found = [
                v for v in Axe().run(page).response["violations"] if v["impact"] in {"serious", "critical"}
            ]
            if found:
                wrong[path, scheme] = [
                    (v["id"], [node["html"][:120] for node in v["nodes"][:3]]) for v in found
                ]

    for path in ("/", "/?sort=bytes&class=light", f"/submissions/{one}", "/people/1", "/nothing"):
        look(path)
    page.goto(f"{url}/sign-in")
    page.fill("#name", "ada")
    page.fill("#password", board.user["Authorization"].split()[1])
    page.click("main button.primary")
    for path in ("/account", "/submit"):
        look(path)
    context.close()
    assert wrong == {}


def test_an_account_by_keyboard_alone(board, url, chromium, tmp_path):
    context = chromium.new_context(viewport={"width": 390, "height": 800})
    page = context.new_page()

    def tab_to(selector):
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.locator(selector).first.evaluate("e => e === document.activeElement"):
                return
        raise AssertionError(f"{selector} cannot be reached")

    page.goto(url)
    tab_to('header a[href="/sign-in"]')
    page.keyboard.press("Enter")
    page.wait_for_url("**/sign-in")
    tab_to('main a[href="/sign-up"]')
    page.keyboard.press("Enter")
    page.wait_for_url("**/sign-up")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    tab_to("#name")
    page.keyboard.type("grace")
    tab_to("#password")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    playwright.expect(page.locator("h1")).to_have_text("grace")
    tab_to("#label")
    page.keyboard.type("laptop")
    page.keyboard.press("Enter")
    secret = page.locator(".secret").inner_text()
    assert board.get("/api/v1/whoami", headers={"Authorization": f"Bearer {secret}"}).json["name"] == "grace"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    tab_to('form[action="/sign-out"] button')
    page.keyboard.press("Enter")
    playwright.expect(page.locator('header a[href="/sign-in"]')).to_be_visible()
    assert page.evaluate("document.cookie") == ""
    context.close()


def test_the_board_is_sorted_and_filtered_without_scripts(board, url, chromium):
    board.judged("deep", 9, 1)
    board.judged("shallow", 5, 2)
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{url}?entries=all")
    names = page.locator(".standings a.name")
    playwright.expect(names).to_have_text(["deep", "shallow"])
    page.click("th a.sort:has-text('Entry')")
    playwright.expect(page).to_have_url(re.compile(r"sort=name(?!.*order=desc)"))
    page.click("th a.sort:has-text('Entry')")
    playwright.expect(names).to_have_text(["shallow", "deep"])
    page.click("nav[aria-label='Whose entries'] a:has-text('References')")
    playwright.expect(page).to_have_url(re.compile(r"(?=.*kind=reference)(?=.*sort=name)"))
    playwright.expect(names).to_have_count(0)
    playwright.expect(page.locator(".board .empty")).to_contain_text("No entries match these filters")
    context.close()
