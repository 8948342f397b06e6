"""Which entries of a board somebody wants to see, in which order, and how many at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Self

from sqlalchemy import ColumnElement, func

from challenge.bundle.limits import WEIGHT_CLASSES
from challenge.scoring.tracks import BUDGETS, CPU, Track
from leaderboard.errors import Refused
from leaderboard.models import Evaluation, Submission
from leaderboard.services.rankings import RankingGroup

PER_PAGE: Final = 50
MOST_PER_PAGE: Final = 500
# A list of entries to choose from ends somewhere; addresses take any entry.
MOST_CHOICES: Final = 200
KINDS: Final = ("all", "people", "reference")
ORDERS: Final = ("asc", "desc")
VERIFIED: Final = ("", "yes")
MOST_ID: Final = 999_999_999
ENTRIES: Final = ("best", "all")


@dataclass(frozen=True)
class Column:
    """Something to sort by: an expression of a query, and whether more of it comes first."""

    expression: ColumnElement[Any]
    descending: bool


# Where a figure is missing, an entry comes last whichever way the rest is sorted.
SORTS: Final[dict[str, Column]] = {
    "octaves": Column(Evaluation.octaves.expression, descending=True),
    "name": Column(func.lower(Submission.name), descending=False),
    "depth": Column(Evaluation.depth.expression, descending=True),
    "precision": Column(Evaluation.precision_db.expression, descending=True),
    "universality": Column(Evaluation.universality.expression, descending=True),
    "bytes": Column(Submission.bytes.expression, descending=False),
    "speed": Column(Evaluation.predictions_per_second.expression, descending=True),
    "date": Column(Evaluation.finished_at.expression, descending=True),
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
        family: a submission's number, for it and its relatives by `builds_on`; 0 for all.
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
    family: int = 0
    sort: str = "octaves"
    order: str = "desc"
    page: int = 1
    per_page: int = PER_PAGE

    @classmethod
    def read(cls, values: Mapping[str, str], per_page: int = PER_PAGE) -> Self:
        """The board query in request arguments; Refused with 422 where it cannot be understood."""
        sort = _among("sort", values.get("sort", "octaves"), SORTS)
        usual = "desc" if SORTS[sort].descending else "asc"
        return cls(
            season=values.get("season", ""),
            weight=_among("class", values.get("class") or "", ("", *WEIGHT_CLASSES)),
            kind=_among("kind", values.get("kind", "all"), KINDS),
            track=_among("track", values.get("track", Track.OPEN.value), [track.value for track in Track]),
            machine=_among("machine", values.get("machine", CPU), BUDGETS),
            entries=_among("entries", values.get("entries", "best"), ENTRIES),
            verified=_among("verified", values.get("verified") or "", VERIFIED),
            family=_number("family", values["family"], MOST_ID) if "family" in values else 0,
            sort=sort,
            order=_among("order", values.get("order", usual), ORDERS),
            page=_number("page", values.get("page", "1"), 1_000_000),
            per_page=_number("per_page", values.get("per_page", str(per_page)), MOST_PER_PAGE),
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
    def filtered(self) -> bool:
        """Whether the entries are a part of the board."""
        return bool(self.weight or self.verified or self.family) or self.kind != "all"

    @property
    def ordering(self) -> tuple[ColumnElement[Any], ...]:
        """Columns for `order_by` of a query on Evaluation and Submission; equal ones come as on the board."""
        expression = SORTS[self.sort].expression
        turned = expression.desc() if self.order == "desc" else expression.asc()
        return turned.nulls_last(), Evaluation.octaves.desc(), Evaluation.id.asc()

    @property
    def as_usual(self) -> bool:
        """Whether the best come first."""
        return (self.sort, self.order) == ("octaves", "desc")


def _among(name: str, value: str, known: Sequence[str] | Mapping[str, Any]) -> str:
    if value not in known:
        choices = ", ".join(repr(one) for one in known if one)
        raise Refused(422, "query_invalid", f"{name} is one of {choices}, not {value[:40]!r}.")
    return value


def _number(name: str, value: str, most: int) -> int:
    if value.isascii() and value.isdigit() and len(value) < 10 and 1 <= int(value) <= most:
        return int(value)
    raise Refused(422, "query_invalid", f"{name} is a whole number from 1 to {most:,}, not {value[:40]!r}.")
