"""Strangers' texts made fit for a page: README.md as clean HTML, sources with colours."""

from functools import lru_cache
from typing import Final

import nh3
from markdown_it import MarkdownIt
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

# Beyond this a text is shown without colours: finding them takes time that grows with it.
_COLOURED: Final = 200_000
_SHOWN: Final = 400_000

_TAGS: Final = frozenset(
    "a abbr b blockquote br code dd del dl dt em h1 h2 h3 h4 h5 h6 hr i li ol p pre s strong sub sup "  # noqa: SIM905 - as a list it fills a page
    "table tbody td th thead tr ul".split()
)
# No pictures: they would tell a third party who reads the page.
_MARKDOWN: Final = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(
    ["table", "strikethrough"]
)


@lru_cache(maxsize=64)
def readme_html(text: str) -> str:
    """Markdown to HTML that holds no script, style, picture, form or foreign attribute."""
    tokens = _MARKDOWN.parse(text[:_COLOURED])
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            # A page has one first heading, and the README stands below a second one.
            token.tag = f"h{min(6, int(token.tag[1]) + 2)}"
        elif token.type == "table_open":
            # On a small screen it scrolls, by keyboard as well.
            token.attrSet("tabindex", "0")
    return nh3.clean(
        _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {}),
        tags=set(_TAGS),
        attributes={"a": {"href", "title"}, "table": {"tabindex"}, "th": {"align"}, "td": {"align"}},
        url_schemes={"http", "https"},
        link_rel="nofollow noopener ugc",
    )


@lru_cache(maxsize=64)
def source_html(text: str) -> str:
    """Python with classes for colours; escaped text where it is too long for them."""
    if len(text) > _COLOURED:
        return nh3.clean_text(text[:_SHOWN])
    return highlight(text, PythonLexer(stripnl=False), HtmlFormatter(nowrap=True))
