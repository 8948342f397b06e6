# ruff: noqa: ANN001, ANN201 - a script that measures
"""/learn and /play in headless Chromium: frames while dragging, training speed, octaves, page weights.

    python -m benchmarks.browser --chromium /usr/bin/chromium
    python -m benchmarks.browser --train 0                     # leave the two minutes of training out

Frames are those of requestAnimationFrame while a control is dragged to and fro for two seconds; the longest
one stands beside them. Training is one model in one worker thread.
"""

import argparse
import itertools
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.support.processes import Server

LESSONS = ("functions", "neuron", "sums", "hinges", "descent", "features", "scaling")
DRAG = """() => new Promise((done) => {
  const times = []; const began = performance.now();
  const tick = (now) => { times.push(now); now - began < 2000 ? requestAnimationFrame(tick) : done(times); };
  requestAnimationFrame(tick);
})"""
PLAY = "/play?seconds={seconds}&deepest={deepest}&a={model}"


def frames(page, locator):
    """Frames per second and the longest frame in milliseconds, while a range input is dragged."""
    locator.scroll_into_view_if_needed()
    box = locator.bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 12, y)
    page.mouse.down()
    page.evaluate(f"() => {{ window.times = ({DRAG})(); }}")
    for step in range(120):
        share = abs((step / 30) % 2 - 1)
        page.mouse.move(box["x"] + 12 + share * (box["width"] - 24), y)
        page.wait_for_timeout(12)
    page.mouse.up()
    times = page.evaluate("() => window.times")
    gaps = [b - a for a, b in itertools.pairwise(times)]
    return 1000 * len(gaps) / (times[-1] - times[0]), max(gaps)


def weight(browser, address):
    """Bytes of all answers of a page."""
    sizes = []
    page = browser.new_page()
    page.on("requestfinished", lambda asked: sizes.append(asked.sizes()["responseBodySize"]))
    page.goto(address)
    page.wait_for_load_state("networkidle")
    page.close()
    return sum(sizes)


def train(browser, address, seconds, model, deepest):
    """What /play says after so many seconds."""
    page = browser.new_page()
    page.goto(address + PLAY.format(seconds=seconds, deepest=deepest, model=model))
    page.wait_for_selector(".play[data-ready]")
    page.click('[data-do="play"]')
    page.wait_for_timeout(1000 * seconds + 2000)
    names = ("octaves", "steps", "speed", "seconds")
    found = {name: page.inner_text(f'[data-model="a"] [data-out="{name}"]') for name in names}
    page.close()
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--train", type=int, default=120, help="seconds; 0 for none")
    parser.add_argument("--model", default="fourier-32-64x64-gelu-0.004")
    parser.add_argument("--deepest", type=int, default=9)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = Server(Path(folder), "--no-worker")
        browser = playwright.chromium.launch(executable_path=wanted.chromium, args=["--no-sandbox"])
        try:
            server.wait_until_up()
            for slug in LESSONS:
                page = browser.new_page(viewport={"width": 1440, "height": 900})
                page.goto(f"{server.url}/learn/{slug}")
                page.wait_for_load_state("networkidle")
                slider = page.locator(".figure input[type=range]:visible")
                told = "no slider"
                if slider.count():
                    told = "{:5.1f} frames/s, longest {:4.0f} ms".format(*frames(page, slider.first))
                page.close()
                print(f"/learn/{slug:<10} {told}, {weight(browser, f'{server.url}/learn/{slug}'):,} bytes")
            print(f"/learn/            {weight(browser, f'{server.url}/learn/'):,} bytes")
            print(f"/play              {weight(browser, f'{server.url}/play'):,} bytes")
            if wanted.train:
                found = train(browser, server.url, wanted.train, wanted.model, wanted.deepest)
                print(f"/play, {wanted.model}:", ", ".join(f"{name} {text}" for name, text in found.items()))
        finally:
            browser.close()
            server.stop()


if __name__ == "__main__":
    main()
