"""Controls: data sets of other dimensions that every submission must still learn.

Contract, section 6. A family is a module; what a season draws from it has the form
`draw(generator) -> Control`, and derives from the season's secret.
"""

from collections.abc import Iterator
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
from challenge.season import Season

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
    attempt = 0
    while True:
        yield FAMILIES[family](season.generator("control", family, attempt))
        attempt += 1


__all__ = ["FAMILIES", "Control", "Family", "draws"]
