"""The views that a page lets its readers zoom through: places, octaves, and a picture in each layer."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from flask import request, url_for

from challenge.scoring.places import PLACES
from leaderboard.images import colormaps


@dataclass(frozen=True)
class Layer:
    """One kind of picture; `url` has {place}, {octave} and {two}, the octave in two digits."""

    key: str
    name: str
    url: str
    recolour: bool = True
    note: str = ""

    def source(self, place: str, octave: int, colour: str) -> str:
        """The address of the picture of one view."""
        found = self.url.format(place=place, octave=octave, two=f"{octave:02d}")
        return f"{found}?colours={colour}" if self.recolour and colour != colormaps.DEFAULT else found


TRUTH = Layer("truth", "Truth", "/truth/{place}/{octave}.png")


def here(**changes: Any) -> str:
    """This page's address with some of its query changed; None takes one away."""
    values = request.args.to_dict() | (request.view_args or {}) | changes
    return url_for(request.endpoint or "board.page", **{k: v for k, v in values.items() if v is not None})


def zoom(
    drawn: dict[str, list[int]],
    layers: Sequence[Layer],
    *,
    skill: Sequence[float] = (),
    start: int = 4,
    goal: tuple[str, int] | None = None,
    skills_url: str = "",
    models: Mapping[str, int] | None = None,
) -> dict[str, Any] | None:
    """What the template of the zoom needs; None where there is no picture.

    Args:
        drawn: octaves by place of which there are pictures in every layer.
        layers: the pictures, the truth first.
        skill: of the entry, by octave.
        start: the octave to open with, where the query names none.
        goal: the view to open with, whatever the query names.
        models: by layer, the submission whose model draws it; for sharper pictures from the explorer's tiles.
        skills_url: where the skill of each view is had, for the map of them.
    """
    places = [
        {
            "slug": p.slug,
            "name": p.name,
            "sentence": p.sentence,
            "centre": p.centre,
            "octaves": [k for k in drawn[p.slug] if k in p.octaves],
        }
        for p in PLACES
        if any(k in p.octaves for k in drawn.get(p.slug, ()))
    ]
    if not places:
        return None
    slug, asked = goal or (request.args.get("place", "seahorse-valley"), request.args.get("octave", type=int))
    place = next((p for p in places if p["slug"] == slug), places[0])
    octaves: list[int] = place["octaves"]  # type: ignore[assignment]
    octave = min(octaves, key=lambda k: abs(k - (start if asked is None else asked)))
    index = octaves.index(octave)
    colour = colormaps.chosen(request.args.get("colours"))
    return {
        "places": places,
        "place": place,
        "octave": octave,
        "before": octaves[index - 1] if index else None,
        "after": octaves[index + 1] if index + 1 < len(octaves) else None,
        "skill": skill[octave] if octave < len(skill) else None,
        "layers": [(layer, layer.source(str(place["slug"]), octave, colour)) for layer in layers],
        "colour": colour,
        "maps": tuple(colormaps.MAPS),
        "has_skills": bool(skills_url),
        "json": json.dumps(
            {
                "layers": [asdict(layer) for layer in layers],
                "places": places,
                "skill": list(skill),
                "skills": skills_url,
                "plain": colormaps.DEFAULT,
                "tiles": _tiles(models) if models else None,
            },
            allow_nan=False,
        ),
    }


def _tiles(models: Mapping[str, int]) -> dict[str, Any]:
    """Where the explorer's tiles are, and its colours."""
    return {
        "truth": url_for("tiles.truth", octave=0, x=0, y=0).removesuffix("/0/0/0"),
        "colours": url_for("explorer.palettes"),
        "models": {key: tile_addresses(number) for key, number in models.items()},
    }


def tile_addresses(submission_id: int) -> dict[str, str]:
    """Where the tiles of a model are, and where they are asked for."""
    wishes = url_for("tiles.wish", submission_id=submission_id)
    return {"model": wishes.removesuffix("/wishes"), "wishes": wishes}
