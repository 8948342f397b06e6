"""What tests in the browser wait for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:  # a machine without Playwright skips the tests that use this
    from playwright.sync_api import ConsoleMessage, Locator, Page


# Widths of a telephone, a desktop, and a desktop at 200 % zoom.
WIDTHS = (390, 1440, 720)
# Whether no transition is on its way; some decorations never end.
AT_REST = """() => document.getAnimations().every(
    (one) => one.playState !== "running" || one.effect?.getComputedTiming().endTime === Infinity)"""


def check_layout(page: Page) -> None:
    """Assert that a page is not wider than any screen, and that axe finds nothing serious, light or dark."""
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    for scheme, width in (("light", 1440), ("dark", 390)):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_function(AT_REST)
        found = [v for v in axe.run(page).response["violations"] if v["impact"] in {"serious", "critical"}]
        assert [(v["id"], [node["html"][:100] for node in v["nodes"]], scheme) for v in found] == []


def complaints_of(page: Page) -> list[str]:
    """The errors and warnings that a page writes into its console from now on; the list grows."""
    found: list[str] = []

    def message(one: ConsoleMessage) -> None:
        # Reading a canvas is these tests' doing, and costs the page nothing.
        if one.type in {"error", "warning"} and "Multiple readback operations" not in one.text:
            found.append(one.text)

    page.on("console", message)
    page.on("pageerror", lambda error: found.append(f"{error} {error.stack}"))
    return found


def redrawn(page: Page, canvas: Locator, seen: list[str]) -> str:
    """Wait until a canvas shows what it has not shown yet, and return that.

    Args:
        page: the page.
        canvas: the canvas.
        seen: what it has shown, as data URLs.
    """
    page.wait_for_function(
        "([canvas, seen]) => !seen.includes(canvas.toDataURL())", arg=[canvas.element_handle(), seen]
    )
    return str(canvas.evaluate("c => c.toDataURL()"))
