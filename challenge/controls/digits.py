"""Handwritten digits at 8 x 8, 64 -> 10: real data.

Scikit-learn ships 1,797 of the digits of UCI's optical recognition set. The pixels are put into a random
order, the same for all digits, so that a draw is the season's own.
"""

import numpy as np

from challenge.controls.control import CLASSIFICATION, Control, split

HELD = 800


def draw(generator: np.random.Generator) -> Control:
    """The digits, split anew, their pixels in a random order."""
    from sklearn.datasets import load_digits  # noqa: PLC0415 - takes a second to import

    data = load_digits()
    x = data.data[:, generator.permutation(data.data.shape[1])] / 8.0 - 1.0
    y = np.eye(10)[data.target]
    return Control(
        "digits (8 x 8)", "digits", CLASSIFICATION, *split(generator, x, y, HELD), line_may_pass=True
    )
