"""Records of a season: which entries held them, and since when."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from leaderboard.models import SeasonRow
from leaderboard.services import board_lists, rank_queries
from leaderboard.services.board_lists import ListedEntry
from leaderboard.services.board_query import BoardQuery


@dataclass(frozen=True)
class RecordHistory:
    """The ranked entries of a query, and those of them that set a record, in order."""

    entries: Sequence[ListedEntry]
    holders: tuple[ListedEntry, ...]

    def taken_since(self, moment: datetime) -> int | None:
        """The evaluation that took the record from another one since then, and still holds it."""
        recent = len(self.holders) > 1 and self.holders[-1].created_at >= moment
        return self.holders[-1].evaluation_id if recent else None


def record_history(session: Session, season: SeasonRow, query: BoardQuery) -> RecordHistory:
    """The history of the record among the entries that a query asks for."""
    entries = board_lists.ranked(session, season, query)
    return RecordHistory(
        entries,
        record_holders(
            entries,
            lambda one, other: rank_queries.is_better(session, one.evaluation_id, other.evaluation_id),
        ),
    )


def record_holders(
    entries: Sequence[ListedEntry], is_better: Callable[[ListedEntry, ListedEntry], bool]
) -> tuple[ListedEntry, ...]:
    """The entries that set a record, in order: each was significantly better than the one before."""
    holders: list[ListedEntry] = []
    for entry in sorted(entries, key=lambda e: (e.created_at, e.submission_id)):
        if not holders or (entry.octaves > holders[-1].octaves and is_better(entry, holders[-1])):
            holders.append(entry)
    return tuple(holders)
