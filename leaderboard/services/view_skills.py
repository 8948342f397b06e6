"""Skill of a model at each place and octave, estimated from its error images; the best and the worst view.

For navigation only: an error image saturates at the view's standard deviation, so these estimates are never
below the true skill, and nothing is ranked by them.
"""

from functools import lru_cache
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from leaderboard.config import Config
from leaderboard.images import colormaps
from leaderboard.models import Artifact
from leaderboard.services import artifacts

# A view counts as drawn well from this skill on.
GOOD: Final = 0.8

Skills = dict[str, dict[int, float]]


def view_skills(session: Session, config: Config, evaluation_id: int) -> Skills:
    """Skill by place and octave, in [0, 1], of every view that has an error picture."""
    rows = session.execute(
        select(Artifact.name, Artifact.digest)
        .where(
            Artifact.evaluation_id == evaluation_id,
            Artifact.name.endswith("/error.png"),
            # Targets of the samples track are no places, and may be secret.
            Artifact.name.not_like("samples/%"),
        )
        .order_by(Artifact.name)
    )
    return _measured(config, evaluation_id, tuple((n, d) for n, d in rows))


@lru_cache(maxsize=64)
def _measured(config: Config, evaluation_id: int, pictures: tuple[tuple[str, str], ...]) -> Skills:
    # The digests are part of the key: a picture that was drawn again is read again.
    found: Skills = {}
    for name, digest in pictures:
        place, octave, _ = name.split("/")
        shares = colormaps.error_shares(artifacts.read(config, evaluation_id, name, digest))
        found.setdefault(place, {})[int(octave)] = round(float(1 - (shares**2).mean()), 4)
    return found


def best(skills: Skills) -> tuple[str, int] | None:
    """The deepest view with a skill of at least GOOD, among equally deep ones the best; None without any."""
    right = [(k, s, place) for place, by in skills.items() for k, s in by.items() if s >= GOOD]
    if not right:
        return None
    octave, _, place = max(right)
    return place, octave


def worst(skills: Skills, depth: float) -> tuple[str, int] | None:
    """The view with the lowest skill among those no deeper than the model's depth."""
    held = [(s, place, k) for place, by in skills.items() for k, s in by.items() if k <= max(depth, 2)]
    if not held:
        return None
    _, place, octave = min(held)
    return place, octave
