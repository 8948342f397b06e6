"""What tests in the browser wait for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a machine without Playwright skips the tests that use this
    from playwright.sync_api import Locator, Page


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
