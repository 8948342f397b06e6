"""Pages that are written once, in docs/, and shown here as well."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

from leaderboard.services.probes import anchor

FOLDER: Final = Path(__file__).parent.parent / "documents"
_MARKDOWN: Final = MarkdownIt("commonmark", {"html": False}).enable("table")


@dataclass(frozen=True)
class Document:
    """A document as HTML; `sections` are (anchor, heading) of the second level."""

    title: str
    html: str
    sections: tuple[tuple[str, str], ...]


@lru_cache(maxsize=8)
def document(name: str) -> Document:
    """The document of that name. It is the project's own text: its headings get anchors, nothing is cleaned.

    Raises:
        FileNotFoundError: there is none.
    """
    text = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    tokens = _MARKDOWN.parse(text)
    title, sections = name, []
    for token, inline in pairwise(tokens):
        if token.type == "heading_open":
            slug = anchor(inline.content)
            token.attrSet("id", slug)
            if token.tag == "h1":
                title = inline.content
            elif token.tag == "h2":
                sections.append((slug, inline.content.replace("`", "")))
        if inline.type == "inline":
            inline.children = _without_files(inline.children or [])
    return Document(title, _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {}), tuple(sections))


def _without_files(tokens: list[Token]) -> list[Token]:
    """Without links to files of the repository, whose words stay, and without its pictures."""
    kept, inside = [], False
    for token in tokens:
        if token.type == "image":
            continue
        if token.type == "link_open":
            inside = not str(token.attrGet("href")).startswith(("https://", "http://", "#"))
        if token.type in ("link_open", "link_close") and inside:
            inside = token.type == "link_open"
            continue
        kept.append(token)
    return kept
