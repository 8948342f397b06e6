"""Controls: data sets of other dimensions that every submission must still learn.

docs/spec.md, section 6. A family is a module; what a season draws from it has the form
`draw(generator) -> Control`, and derives from the season's secret.

What the first draws of twenty seasons were, by the skill of a line (lowest, median, highest): curve 0.00,
0.23, 0.88; drawing 0.02, 0.10, 0.48; photograph 0.00, 0.31, 0.63; surface 0.20, 0.28, 0.43; cousin 0.00,
0.04, 0.37; fields 0.00; Friedman 0.00, 0.09, 0.23; teachers 0.00, 0.12, 0.40. So a third of the curves and
photographs is drawn again, and hardly any of the others. The reference network reached, in five to seven
seasons: curve 0.44 to 0.99, pictures 0.37 to 0.91, surfaces 0.83 to 1.00, cousins 0.53 to 0.92, fields 0.84
to 0.98, Friedman 0.86 to 0.99, teachers 0.78 to 0.93, tables 0.83 to 0.99 (a line 0.66 to 0.98), digits
0.94 to 0.98 (0.89 to 0.93), handwritten 0.92 to 0.94 (0.70 to 0.81). The long tests measure it again.
"""

from collections.abc import Iterator
from itertools import count
from typing import Final

from challenge.controls import (
    cousin,
    curve,
    digits,
    field,
    friedman,
    handwritten,
    picture,
    surface,
    tables,
    teacher,
)
from challenge.controls.control import Control, Family
from challenge.scoring.season import Season

FAMILIES: Final[dict[str, Family]] = {
    "curve": curve.draw,
    "drawing": picture.drawing,
    "photograph": picture.photograph,
    "surface": surface.draw,
    "cousin": cousin.draw,
    "volume": field.volume,
    "hypervolume": field.hypervolume,
    "friedman": friedman.draw,
    "teacher": teacher.draw,
    "wide teacher": teacher.wide,
    "classes": tables.classes,
    "columns": tables.columns,
    "digits": digits.draw,
    "handwritten": handwritten.draw,
}


def draws(season: Season, family: str) -> Iterator[Control]:
    """The draws of one family in a season, without end: an unusable one is followed by the next."""
    for attempt in count():
        yield draw(season, family, attempt)


def draw(season: Season, family: str, attempt: int) -> Control:
    """One of `draws`, counted from 0."""
    return FAMILIES[family](season.generator("control", family, attempt))


__all__ = ["FAMILIES", "Control", "Family", "draw", "draws"]
