"""Parts of pages that are the same for everybody until something is decided."""

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from cachetools import LRUCache
from markupsafe import Markup


@dataclass
class _Part:
    """The last HTML of a part, and what it was made from."""

    making: threading.Lock = field(default_factory=threading.Lock)
    version: Hashable = None
    html: Markup | None = None


class HtmlCache:
    """HTML by name, each in its last version; the least recently used is dropped first."""

    def __init__(self, size: int = 128) -> None:
        self._lock = threading.Lock()
        self._parts: LRUCache[Hashable, _Part] = LRUCache(size)

    def get(self, name: Hashable, version: Hashable, make: Callable[[], str]) -> Markup:
        """The HTML of a part, made where there is none of this version.

        One request makes it. Those that come meanwhile take the version before, where there is one, for a
        board with many entries changes as often as it is looked at.
        """
        with self._lock:
            part = self._parts.get(name)
            if part is None:
                part = self._parts[name] = _Part()
        html = part.html
        if html is not None and part.version == version:
            return html
        if not part.making.acquire(blocking=html is None):
            assert html is not None
            return html
        try:
            if part.html is None or part.version != version:
                made = Markup(make())  # noqa: S704 - a template made it
                part.html, part.version = made, version
            return part.html
        finally:
            part.making.release()
