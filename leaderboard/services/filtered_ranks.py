"""Ranks among the entries of a filter, such as a weight class or a family."""

from collections.abc import Sequence

import numpy as np
from sqlalchemy.orm import Session

from challenge.scoring.metrics import compare_octaves
from leaderboard.services import rank_queries


def ranks_among(session: Session, shown: Sequence[int], entries: Sequence[int]) -> dict[int, tuple[int, int]]:
    """The rank of each shown evaluation among those of a filter, as a range.

    Args:
        session: reads.
        shown: ids of the ranked evaluations that are asked for; a page of `entries`.
        entries: ids of all ranked evaluations that pass the filter.
    """
    sums = rank_queries.octaves_by_chain(session, entries)
    if not sums:
        return {}
    table = np.array(list(sums.values()))
    found = {}
    for number in shown:
        if number in sums:
            signs = compare_octaves(sums[number], table)
            found[number] = (1 + int((signs < 0).sum()), len(signs) - int((signs > 0).sum()))
    return found
