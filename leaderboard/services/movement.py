"""How entries of a board have moved since a week ago."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy.orm import Session

from leaderboard.services.filtered_ranks import ranks_among
from leaderboard.services.standings import Entry

WEEK: Final = timedelta(days=7)


@dataclass(frozen=True)
class Movement:
    """What has become of one entry.

    Attributes:
        places: ranks gained since then, lost where it is negative; 0 for an entry that is new.
        new: whether it was judged since then.
    """

    places: int
    new: bool


def since(session: Session, shown: Sequence[Entry], old: Sequence[int]) -> dict[int, Movement]:
    """By evaluation: how the shown entries stand now, against an earlier board.

    Nothing moves where that was empty, and an entry that shares its rank is taken to have its best one.

    Args:
        session: reads.
        shown: the entries of a page.
        old: evaluations that rank, and ranked then.
    """
    if not old:
        return {}
    before = ranks_among(session, [e.evaluation.id for e in shown], old)
    found = {}
    for entry in shown:
        number = entry.evaluation.id
        if entry.rank is not None and not entry.evaluation.provisional:
            places = before[number][0] - entry.rank[0] if number in before else 0
            found[number] = Movement(places, new=number not in before)
    return found
