"""Which entries of a standing somebody wants to see, in which order, and how many at a time."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Self

from challenge.bundle.limits import WEIGHT_CLASSES
from challenge.scoring.tracks import BUDGETS, CPU, Track
from leaderboard.errors import Refused
from leaderboard.services.rankings import RankingGroup
from leaderboard.services.standings import Entry

PER_PAGE: Final = 50
MOST_PER_PAGE: Final = 500
# A list of entries to choose from ends somewhere; addresses take any entry.
MOST_CHOICES: Final = 200
KINDS: Final = ("all", "people", "reference")
ORDERS: Final = ("asc", "desc")
VERIFIED: Final = ("", "yes")
ENTRIES: Final = ("best", "all")

_Key = Callable[[Entry], Any]


@dataclass(frozen=True)
class Column:
    """Something to sort by: its value of an entry, and whether more of it comes first."""

    key: _Key
    descending: bool


# Where a figure is missing, an entry comes last whichever way the rest is sorted.
SORTS: Final[dict[str, Column]] = {
    "octaves": Column(lambda e: e.evaluation.octaves, descending=True),
    "name": Column(lambda e: e.submission.name.casefold(), descending=False),
    "depth": Column(lambda e: e.evaluation.depth, descending=True),
    "precision": Column(lambda e: e.evaluation.precision_db, descending=True),
    "universality": Column(lambda e: e.evaluation.universality, descending=True),
    "bytes": Column(lambda e: e.submission.bytes, descending=False),
    "speed": Column(lambda e: e.evaluation.predictions_per_second, descending=True),
    "date": Column(lambda e: e.evaluation.finished_at, descending=True),
}


@dataclass(frozen=True)
class BoardQuery:
    """What a board page is asked for, as it stands in the address. Defaults are left out of addresses.

    Attributes:
        season: a season's name, or '' for the open one.
        weight: a weight class, or '' for all.
        kind: one of KINDS.
        track: "open" or "samples".
        machine: a class of machine, of the samples track.
        entries: "best" for everybody's best entry and all references, "all" for all entries.
        verified: "yes" for those alone that rank on the samples track as well; of the open track.
        sort, order: one of SORTS and of ORDERS.
        page: from 1.
        per_page: up to MOST_PER_PAGE.
    """

    season: str = ""
    weight: str = ""
    kind: str = "all"
    track: str = Track.OPEN.value
    machine: str = CPU
    entries: str = "best"
    verified: str = ""
    sort: str = "octaves"
    order: str = "desc"
    page: int = 1
    per_page: int = PER_PAGE

    @classmethod
    def read(cls, values: Mapping[str, str], per_page: int = PER_PAGE) -> Self:
        """The board query in request arguments; Refused with 422 where it cannot be understood."""
        sort = _among("sort", values.get("sort") or "octaves", SORTS)
        usual = "desc" if SORTS[sort].descending else "asc"
        return cls(
            season=values.get("season", ""),
            weight=_among("class", values.get("class") or "", ("", *WEIGHT_CLASSES)),
            kind=_among("kind", values.get("kind") or "all", KINDS),
            track=_among("track", values.get("track") or Track.OPEN.value, [track.value for track in Track]),
            machine=_among("machine", values.get("machine") or CPU, BUDGETS),
            entries=_among("entries", values.get("entries") or "best", ENTRIES),
            verified=_among("verified", values.get("verified") or "", VERIFIED),
            sort=sort,
            order=_among("order", values.get("order") or usual, ORDERS),
            page=_number("page", values.get("page") or "1", 1_000_000),
            per_page=_number("per_page", values.get("per_page") or str(per_page), MOST_PER_PAGE),
        )

    def to_query(self, **changes: Any) -> dict[str, Any]:
        """Request arguments of this query with changes; default values are left out."""
        other = replace(self, **changes)
        if "page" not in changes:
            other = replace(other, page=1)
        # What says nothing on a track is left out there.
        other = (
            replace(other, machine=CPU) if other.group.track is Track.OPEN else replace(other, verified="")
        )
        usual = "desc" if SORTS[other.sort].descending else "asc"
        defaults = BoardQuery(order=usual)
        names = {"weight": "class"}
        return {
            names.get(name, name): getattr(other, name)
            for name in self.__dataclass_fields__
            if getattr(other, name) != getattr(defaults, name)
        }

    @property
    def group(self) -> RankingGroup:
        """Whose results are wanted."""
        track = Track(self.track)
        return RankingGroup(track, self.machine if track is Track.SAMPLES else "")

    @property
    def every_entry(self) -> bool:
        """Whether all entries are wanted, not only everybody's best."""
        return self.entries == "all"

    def by(self, sort: str) -> dict[str, Any]:
        """The query of the same entries sorted by a column: turned round, where they are so already."""
        usual = "desc" if SORTS[sort].descending else "asc"
        turned = {"asc": "desc", "desc": "asc"}[self.order]
        return self.to_query(sort=sort, order=turned if sort == self.sort else usual)

    @property
    def as_usual(self) -> bool:
        """Whether the best come first."""
        return (self.sort, self.order) == ("octaves", "desc")


@dataclass(frozen=True)
class Page:
    """A part of a list."""

    entries: tuple[Entry, ...]
    number: int
    size: int
    total: int

    @property
    def count(self) -> int:
        """How many pages there are; an empty list has one."""
        return max(1, -(-self.total // self.size))

    def to_dict(self) -> dict[str, int]:
        """As the interface tells it."""
        return {"number": self.number, "size": self.size, "total": self.total, "pages": self.count}


def page(entries: Sequence[Entry], query: BoardQuery) -> Page:
    """The entries that a query asks for. A page after the last one is empty."""
    found = [entry for entry in entries if _wanted(entry, query)]
    column = SORTS[query.sort]
    if not query.as_usual:
        # Equal ones stay in the order of the standing.
        known = [entry for entry in found if column.key(entry) is not None]
        known.sort(key=column.key, reverse=query.order == "desc")
        found = known + [entry for entry in found if column.key(entry) is None]
    start = (query.page - 1) * query.per_page
    return Page(
        entries=tuple(found[start : start + query.per_page]),
        number=query.page,
        size=query.per_page,
        total=len(found),
    )


def _wanted(entry: Entry, query: BoardQuery) -> bool:
    if query.weight and entry.submission.weight_class != query.weight:
        return False
    if query.verified and entry.octaves_on(Track.SAMPLES) is None:
        return False
    return query.kind == "all" or entry.submission.user.reference == (query.kind == "reference")


def _among(name: str, value: str, known: Sequence[str] | Mapping[str, Any]) -> str:
    if value not in known:
        choices = ", ".join(repr(one) for one in known if one)
        raise Refused(422, "query_invalid", f"{name} is one of {choices}, not {value[:40]!r}.")
    return value


def _number(name: str, value: str, most: int) -> int:
    if value.isascii() and value.isdigit() and len(value) < 10 and 1 <= int(value) <= most:
        return int(value)
    raise Refused(422, "query_invalid", f"{name} is a whole number from 1 to {most:,}, not {value[:40]!r}.")
