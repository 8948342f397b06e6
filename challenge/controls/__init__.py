"""Controls: data sets of other dimensions that every submission must still learn.

Contract, section 6. A family is a module with `draw(generator) -> Control`; a season's draws derive from its
secret.
"""

from collections.abc import Iterator
from typing import Final

from challenge.controls import curve, digits, picture, surface
from challenge.controls.control import Control, Family
from challenge.season import Season

FAMILIES: Final[dict[str, Family]] = {
    "curve": curve.draw,
    "picture": picture.draw,
    "surface": surface.draw,
    "digits": digits.draw,
}


def draws(season: Season, family: str) -> Iterator[Control]:
    """The draws of one family in a season, without end: an unusable one is followed by the next."""
    attempt = 0
    while True:
        yield FAMILIES[family](season.generator("control", family, attempt))
        attempt += 1


__all__ = ["FAMILIES", "Control", "Family", "draws"]
