"""The board as a table in a terminal."""

import textwrap
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from challenge.results.formatting import percent
from challenge.scoring.tracks import Track

_COLUMNS = (
    ("rank", "right"), ("name", "left"), ("author", "left"), ("octaves", "right"), ("95 %", "right"),
    ("depth", "right"), ("dB", "right"), ("universal", "right"), ("class", "left"), ("bytes", "right"),
    ("id", "right"),
)  # fmt: skip
_WIDE = 120
# Left out on narrow terminals.
_WIDE_ONLY = ("dB", "universal", "bytes")


def print_board(values: dict[str, Any]) -> None:
    """Print the answer of GET /api/v1/board. Names are user input and never interpreted as markup."""
    out = Console()
    if not out.is_terminal:
        # A file or a pipe has no width to respect.
        out = Console(width=_WIDE)
    title = f"Season {values['season']['name']}"
    if values.get("track") == Track.SAMPLES.value:
        title += f", samples track, class {values.get('machine')}"
    table = Table(title=Text(title), title_justify="left", box=None)
    shown = [column for column in _COLUMNS if out.width >= _WIDE or column[0] not in _WIDE_ONLY]
    for name, justify in shown:
        table.add_column(name, justify=justify, no_wrap=name not in ("name", "author"))  # type: ignore[arg-type]  # one of rich's literals
    for entry in values["entries"]:
        cells = dict(zip((name for name, _ in _COLUMNS), _row(entry), strict=True))
        table.add_row(*(Text(cells[name]) for name, _ in shown))
    out.print(table)
    page = values.get("page") or {}
    if page.get("pages", 1) > 1:
        out.print(f"  Page {page['number']} of {page['pages']}; {page['total']} entries.")
    if not values["entries"]:
        out.print("  There are no entries yet.")
    for entry in values["pending"]:
        out.print(Text(f"  {entry.get('status')}: {entry.get('name')} by {entry.get('author')}"))
    for entry in values["unranked"]:
        said = f"  {entry.get('status')}: {entry.get('name')} by {entry.get('author')}. "
        # One line each, cut between words; `mbc status ID` says all of it.
        line = textwrap.shorten(said + (entry.get("sentence") or ""), out.width - 2, placeholder=" ...")
        out.print(Text(f"  {line}"))


def _row(entry: dict[str, Any]) -> tuple[str, ...]:
    low, high = entry["rank"] or (None, None)
    interval = entry.get("interval") or ()
    return (
        "-" if low is None else str(low) if low == high else f"{low}-{high}",
        f"{entry['name']}{' (flagged)' if entry.get('flagged') else ''}{_other_track(entry)}",
        str(entry["author"]),
        _number(entry.get("octaves"), 3),
        " to ".join(_number(end, 2) for end in interval),
        _number(entry.get("depth"), 2),
        _number(entry.get("precision_db"), 1),
        percent(entry.get("universality")),
        str(entry.get("weight_class") or ""),
        f"{entry.get('bytes') or 0:,}",
        str(entry["submission_id"]),
    )


def _other_track(entry: dict[str, Any]) -> str:
    """Octaves on the other track, in parentheses; '' without any."""
    if entry.get("track") == Track.SAMPLES.value:
        known, word = entry.get("open_octaves"), "open"
    else:
        known, word = entry.get("samples_octaves"), "verified learner"
    return "" if known is None else f" ({word} {known:.2f})"


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
