"""Parts of pages that are the same for everybody until something is decided."""

import threading
from collections.abc import Callable, Hashable

from cachetools import LRUCache
from markupsafe import Markup


class HtmlCache:
    """HTML by what it was made from; the least recently used is dropped first."""

    def __init__(self, size: int = 128) -> None:
        self._lock = threading.Lock()
        self._cache: LRUCache[Hashable, Markup] = LRUCache(size)

    def get(self, key: Hashable, make: Callable[[], str]) -> Markup:
        """The HTML under a key, made where it is not there. Two requests at once may both make it."""
        with self._lock:
            found = self._cache.get(key)
        if found is None:
            found = Markup(make())  # noqa: S704 - a template made it
            with self._lock:
                self._cache[key] = found
        return found
