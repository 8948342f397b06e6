"""Pages that are written once, in docs/, and shown here as well."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

from leaderboard.formatting import anchor

FOLDER: Final = Path(__file__).parent.parent / "documents"
_MARKDOWN: Final = MarkdownIt("commonmark", {"html": False}).enable("table")


@dataclass(frozen=True)
class Document:
    """A document as HTML; `sections` are (anchor, name) of what a reader may look for."""

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
        if token.type == "table_open":
            # On a small screen it scrolls, by keyboard as well.
            token.attrSet("tabindex", "0")
        if token.type == "paragraph_open" and (lead := _lead(inline)):
            token.attrSet("id", anchor(lead))
            sections.append((anchor(lead), lead))
        if inline.type == "inline":
            inline.children = _without_files(inline.children or [])
    return Document(title, _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {}), tuple(sections))


def _lead(inline: Token) -> str:
    """The bold words that a paragraph opens with, as in "**Scramble.** Does ..."; '' where there are none."""
    children = [child for child in inline.children or [] if child.type != "text" or child.content]
    bold = len(children) > 2 and children[0].type == "strong_open" and children[2].type == "strong_close"
    return children[1].content.rstrip(".") if bold and children[1].content.endswith(".") else ""


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
