"""What bundles import that judges do not promise; read from their sources once, not at each question."""

import threading
from typing import Final

from cachetools import LRUCache, cached
from sqlalchemy.orm import Session

from challenge.bundle.imports import import_warnings
from leaderboard.models import Submission
from leaderboard.services import submissions

# Bundles whose warnings are kept; most have none.
_KEPT: Final = 4096


def _digest(_session: Session, submission: Submission) -> str:
    return submission.digest


@cached(LRUCache(_KEPT), key=_digest, lock=threading.Lock())
def warnings(session: Session, submission: Submission) -> tuple[str, ...]:
    """A sentence for each import of a submission that is beyond the promise."""
    sources = submissions.sources(session, submission)
    return tuple(import_warnings({name: text.encode() for name, text in sources.items()}))
