"""Public places of the plane: where pictures are made and models are compared, octave after octave.

They are for people's eyes and score nothing. How the centres were found: the spiral's by Newton's method as
a point whose orbit falls into a cycle (preperiod 23, period 2), the minibrot's likewise as a nucleus
(period 39), the others by walking from each view to the child view with the most structure.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from challenge.mandelbrot.coordinates import View

Number = TypeVar("Number")


@dataclass(frozen=True)
class NamedCentre(Generic[Number]):
    """A named centre, and the octaves at which its view lies in the base window and shows structure.

    Attributes:
        slug: its name in paths and on the command line.
        name: its name for people.
        sentence: what there is to see.
        centre: real and imaginary part.
        octaves: every octave that is worth a look, without gaps.
    """

    slug: str
    name: str
    sentence: str
    centre: tuple[Number, Number]
    octaves: range


class Place(NamedCentre[float]):
    """A named centre that float64 can hold."""

    def view(self, octave: float) -> View:
        """The square of the plane around the place at an octave."""
        return View(self.centre, octave)


PLACES: Final[tuple[Place, ...]] = (
    Place(
        "base-window",
        "Base window",
        "The whole set, and then the neck between its heart and its head.",
        (-0.75, 0.0),
        range(4),
    ),
    Place(
        "seahorse-valley",
        "Seahorse valley",
        "The cleft between heart and head, lined with seahorses whose tails curl for ever.",
        (-0.7451637724777631, 0.11316900317752976),
        range(2, 21),
    ),
    Place(
        "elephant-valley",
        "Elephant valley",
        "The cusp of the heart, where elephants walk in procession, trunk to tail.",
        (0.2914867954361519, 0.016079109631008344),
        range(2, 19),
    ),
    Place(
        "antenna",
        "Antenna",
        "The spike to the west, a straight line with whole sets strung along it.",
        (-1.7646933752094918, -0.00933487817950754),
        range(2, 19),
    ),
    Place(
        "spiral",
        "Spiral",
        "The eye at the end of a seahorse's tail: from octave 10 on the same at every zoom but for a turn.",
        (-0.7766105925997019, 0.13460896167502817),
        range(2, 21),
    ),
    Place(
        "minibrot",
        "Minibrot",
        "A copy of the whole set, a million times smaller, at the heart of its own ornament.",
        (-0.7436423016578859, 0.13182651981259472),
        range(2, 21),
    ),
    Place(
        "filament",
        "Filament",
        "A thread of the northern tree, followed down to octave 24.",
        (-0.16052619310684274, 1.0369930996234173),
        range(2, 25),
    ),
)


def find_place(slug: str, places: Iterable[Place] = PLACES) -> Place:
    """The place of that slug.

    Raises:
        KeyError: there is none; the message names those that there are.
    """
    for place in places:
        if place.slug == slug:
            return place
    raise KeyError(f"there is no place {slug!r}; there are {', '.join(p.slug for p in places)}")
