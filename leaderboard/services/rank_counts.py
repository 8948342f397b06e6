"""By how many entries each one of a ranking is beaten, and how many it beats.

A rank is a range, from 1 + the number of entries that are significantly better to the number of those that
are not significantly worse. A verdict changes most of these numbers by one, so that they are stored together.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

_ROW = np.dtype([("id", "<i8"), ("better", "<i4"), ("worse", "<i4")])


@dataclass(frozen=True)
class RankCounts:
    """The numbers of all entries of one ranking.

    Attributes:
        ids: evaluations, ascending, (entries,).
        better, worse: how many entries are significantly better and worse than each, (entries,).
    """

    ids: NDArray[np.int64]
    better: NDArray[np.int32]
    worse: NDArray[np.int32]

    @classmethod
    def from_bytes(cls, stored: bytes) -> Self:
        """What `to_bytes` made; ValueError for anything else."""
        rows = np.frombuffer(stored, _ROW)
        return cls(rows["id"].astype(np.int64), rows["better"].copy(), rows["worse"].copy())

    def to_bytes(self) -> bytes:
        """16 bytes for each entry, in the order of `ids`: id int64, better and worse int32, little-endian."""
        rows = np.empty(len(self.ids), _ROW)
        rows["id"], rows["better"], rows["worse"] = self.ids, self.better, self.worse
        return rows.tobytes()

    def __len__(self) -> int:
        return len(self.ids)

    def added(self, evaluation_id: int, signs: NDArray[np.int8]) -> Self:
        """With another entry.

        Args:
            evaluation_id: one that is not among `ids`.
            signs: how it compares with each of them, as `compare_octaves` has it.
        """
        place = int(np.searchsorted(self.ids, evaluation_id))
        return type(self)(
            np.insert(self.ids, place, evaluation_id),
            np.insert(self.better + (signs > 0), place, (signs < 0).sum()).astype(np.int32),
            np.insert(self.worse + (signs < 0), place, (signs > 0).sum()).astype(np.int32),
        )

    def removed(self, evaluation_id: int, signs: NDArray[np.int8]) -> Self:
        """Without an entry; `signs` is how it compares with each of the others."""
        rest = self.ids != evaluation_id
        return type(self)(
            self.ids[rest],
            (self.better[rest] - (signs > 0)).astype(np.int32),
            (self.worse[rest] - (signs < 0)).astype(np.int32),
        )

    def range_of(self, evaluation_id: int) -> tuple[int, int] | None:
        """The rank of an entry, as a range; None for one that is not here."""
        place = int(np.searchsorted(self.ids, evaluation_id))
        if place == len(self.ids) or self.ids[place] != evaluation_id:
            return None
        return 1 + int(self.better[place]), len(self.ids) - int(self.worse[place])


NOBODY = RankCounts(np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0, np.int32))
