"""Handwritten digits at 8 x 8, 64 -> 10: real data.

Scikit-learn ships 1,797 of the digits of UCI's optical recognition set (CC BY 4.0). The pixels are put into a
random order, the same for all digits, so that a draw is the season's own. A harder one is known at fewer.
"""

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from challenge.controls import shipped
from challenge.controls.control import CLASSIFICATION, Control, draw_difficulty, split

Array = NDArray[np.float64]
HELD = 800
KNOWN: Final = (997, 700, 500)
LABELS: Final = tuple("0123456789")


@lru_cache(maxsize=1)
def _images() -> tuple[Array, Array]:
    pixels, which = shipped.digits()
    return pixels / 8.0 - 1.0, np.eye(10)[which]


def scrambled(
    generator: np.random.Generator,
    family: str,
    size: str,
    x: Array,
    y: Array,
    known: tuple[int, ...],
    held: int,
) -> Control:
    """Images (n, pixels) in [-1, 1] with the classes (n, 10): split anew, their pixels in a random order."""
    level, difficulty = draw_difficulty(generator)
    known_x, known_y, held_x, held_y = split(generator, x[:, generator.permutation(x.shape[1])], y, held)
    return Control(
        f"digits of {size}, {difficulty}",
        family,
        CLASSIFICATION,
        known_x[: known[level]],
        known_y[: known[level]],
        held_x,
        held_y,
        line_may_pass=True,
        shown_as="classes",
        labels=LABELS,
    )


def draw(generator: np.random.Generator) -> Control:
    """Some of the digits."""
    return scrambled(generator, "digits", "8 x 8", *_images(), KNOWN, HELD)
