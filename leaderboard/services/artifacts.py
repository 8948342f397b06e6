"""Pictures that workers make: checked, written anew, and kept in the storage."""

import hashlib
import logging
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from challenge.results.result_visuals import ResultVisuals
from challenge.results.stages import TARGET_STAGES
from challenge.scoring.metrics import depth
from leaderboard.config import Config
from leaderboard.errors import Refused, not_found
from leaderboard.images.untrusted import BYTES_LIMIT
from leaderboard.models import Artifact
from leaderboard.storage import Storage, StoredFile, storage_of
from leaderboard.storage.interface import ARTIFACTS

log = logging.getLogger(__name__)

# The skill at which a picture looks like the truth at a glance.
SHARP: Final = 0.8
EVIDENCE: Final = "evidence.json"
NAME: Final = re.compile(r"([a-z0-9][a-z0-9-]{0,39})/(\d\d)/(model|error)\.png", re.ASCII)
SAMPLES_NAME: Final = re.compile(r"samples/[1-9]/(truth|error|film-\d\d)\.png", re.ASCII)


def key_of(evaluation_id: int, name: str) -> str:
    """Where a picture lies in the storage; the name has been checked."""
    return f"{ARTIFACTS}/{evaluation_id}/{name}"


def check_name(name: str) -> None:
    """Refuse a name that is not place/octave/model.png or error.png."""
    if not NAME.fullmatch(name):
        raise Refused(422, "artifact_name", "A picture is called like seahorse-valley/07/model.png.")


def check_samples_name(name: str) -> None:
    """Refuse a name that is not samples/N/truth.png, error.png or film-NN.png."""
    if not SAMPLES_NAME.fullmatch(name):
        raise Refused(422, "artifact_name", "A target's picture is called like samples/1/film-03.png.")


def save(session: Session, config: Config, evaluation_id: int, name: str, clean: bytes) -> Artifact:
    """Store a picture whose name was checked and that was rewritten; the same name again replaces it."""
    storage_of(config).put(key_of(evaluation_id, name), clean)
    row = session.scalar(
        select(Artifact).where(Artifact.evaluation_id == evaluation_id, Artifact.name == name)
    )
    if row is None:
        row = Artifact(evaluation_id=evaluation_id, name=name)
        session.add(row)
    row.digest = hashlib.sha256(clean).hexdigest()
    row.bytes = len(clean)
    session.flush()
    return row


def find(session: Session, evaluation_id: int, name: str) -> Artifact:
    """What is known of a picture; Refused with 404 where there is none."""
    row = session.scalar(
        select(Artifact).where(Artifact.evaluation_id == evaluation_id, Artifact.name == name)
    )
    if row is None:
        raise not_found("picture")
    return row


def read(config: Config, evaluation_id: int, name: str, digest: str) -> bytes:
    """A picture's PNG, whose digest is that of its row; Refused with 404 where it is lost or another."""
    key = key_of(evaluation_id, name)
    try:
        content = storage_of(config).get(key, BYTES_LIMIT)
    except FileNotFoundError:
        log.error("%s is missing from the storage %s", key, storage_of(config).name)  # noqa: TRY400 - says all
        raise not_found("picture") from None
    if hashlib.sha256(content).hexdigest() != digest:
        # Also for a moment, while a worker sends it anew.
        log.error("%s in the storage %s is not what was stored", key, storage_of(config).name)
        raise not_found("picture")
    return content


def save_evidence(config: Config, evaluation_id: int, content: bytes) -> None:
    """Store an evaluation's evidence, read and written anew; Refused with 422 where it is none."""
    try:
        clean = ResultVisuals.from_json(content).to_json()
    except ValueError as error:
        raise Refused(422, "evidence_invalid", f"This is no evidence: {error}.") from error
    storage_of(config).put(key_of(evaluation_id, EVIDENCE), clean.encode())


def evidence(config: Config, evaluation_id: int) -> ResultVisuals:
    """What people are shown of an evaluation's controls and probes; empty where there is nothing."""
    storage = storage_of(config)
    try:
        stored = storage.find(key_of(evaluation_id, EVIDENCE))
        return _evidence(storage, stored) if stored else ResultVisuals()
    except (FileNotFoundError, ValueError):
        # Reports of older versions have none, and a page without pictures beats no page.
        return ResultVisuals()


@lru_cache(maxsize=32)
def _evidence(storage: Storage, stored: StoredFile) -> ResultVisuals:
    # Half a megabyte of figures: every picture of a page asks for it.
    return ResultVisuals.from_json(storage.get(stored.key, BYTES_LIMIT))


def delete_rows(session: Session, evaluation_id: int, but: Sequence[str] = ()) -> None:
    """Drop the pictures of an attempt that came to nothing; their files are replaced by the next one's.

    Args:
        session: writes.
        evaluation_id: whose pictures.
        but: beginnings of the names of pictures that stay.
    """
    kept = [Artifact.name.startswith(start, autoescape=True) for start in but]
    session.execute(
        delete(Artifact)
        .where(Artifact.evaluation_id == evaluation_id, *(~one for one in kept))
        .execution_options(synchronize_session=False)
    )


def of_targets(stages: Iterable[str]) -> tuple[str, ...]:
    """How the names of the pictures begin of those targets of the samples track that are done."""
    done = set(stages)
    return tuple(f"samples/{index}/" for index, stage in enumerate(TARGET_STAGES, 1) if stage in done)


def remove_files(config: Config, evaluation_ids: Iterable[int]) -> None:
    """Delete the pictures of evaluations that are no more."""
    for number in evaluation_ids:
        storage_of(config).remove_all(f"{ARTIFACTS}/{number}")


def remove_keys(config: Config, keys: Iterable[str]) -> None:
    """Delete pictures that no row names any more."""
    storage = storage_of(config)
    for key in keys:
        storage.remove(key)


def views(session: Session, evaluation_id: int) -> dict[str, list[int]]:
    """Octaves by place for which there is a picture of the model."""
    found: dict[str, list[int]] = {}
    names = session.scalars(
        select(Artifact.name)
        .where(Artifact.evaluation_id == evaluation_id, Artifact.name.endswith("/model.png"))
        .order_by(Artifact.name)
    )
    for name in names:
        place, octave, _ = name.split("/")
        found.setdefault(place, []).append(int(octave))
    return found


def deepest(session: Session, evaluation_id: int, skill: Sequence[float]) -> str | None:
    """The picture that stands for an evaluation: at the deepest octave that it still draws sharply.

    At its depth, where half of the structure is gone, every model is a blur.
    """
    found = views(session, evaluation_id)
    reach = depth(np.asarray(skill, dtype=np.float64), SHARP)
    best = None
    for place, octaves in found.items():
        if place == "base-window":
            continue
        resolved = [octave for octave in octaves if octave <= reach] or octaves[:1]
        key = (resolved[-1], place == "seahorse-valley", place)
        best = max(best, key) if best else key
    return f"{best[2]}/{best[0]:02d}/model.png" if best else None
