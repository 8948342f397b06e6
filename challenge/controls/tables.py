"""Real tables: measurements and classes as scikit-learn ships them, 10..64 -> 1..10.

Classes: breast cancer (569 rows, 30 measurements of cell nuclei, 2 classes) and wine (178 rows, 13
measurements, 3 cultivars), both UCI, CC BY 4.0. Columns: some columns of a table are told from the others:
of the cell nuclei, of the blood of 442 diabetes patients (Efron and others, 2004), or the pixels of the
1,797 digits of 8 x 8. What the diabetes table is known for, the disease a year later, is hardly learnable
(0.32 for the reference, 0.43 for a line). A harder one is known at fewer rows. Extremes are cut at the
first and the last per cent of a column, then every column is stretched to its range.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from challenge.controls import shipped
from challenge.controls.control import CLASSIFICATION, REGRESSION, Control, draw_difficulty, split

Array = NDArray[np.float64]
# Of its rows, in the order of difficulty.
HELD_SHARE: Final = (0.4, 0.5, 0.6)
EXTREMES: Final = (0.01, 0.99)
# A pixel that hardly ever has ink is told by a constant.
LIVELY: Final = 0.15


@dataclass(frozen=True)
class _Table:
    values: Array  # (rows, columns) in [0, 1]
    classes: NDArray[np.int64]
    labels: tuple[str, ...]
    tellable: NDArray[np.intp]  # columns that may be asked for


@lru_cache(maxsize=4)
def _table(name: str) -> _Table:
    if name == "diabetes":
        values = shipped.diabetes()
        # The six measurements of the blood; the others are age, sex, body mass and pressure.
        return _Table(_stretched(values), np.zeros(len(values), int), (), np.arange(4, 10))
    if name == "digits":
        pixels, which = shipped.digits()
        values = pixels / 16.0
        return _Table(values, which, (), np.flatnonzero(values.std(axis=0) > LIVELY))
    values, which, names = shipped.classes({"breast cancer": "breast_cancer", "wine": "wine_data"}[name])
    labels = tuple(label.replace("_", " ") for label in names)
    return _Table(_stretched(values), which, labels, np.arange(values.shape[1]))


def _stretched(values: Array) -> Array:
    low, high = np.quantile(values, EXTREMES, axis=0)
    cut: Array = np.clip((values - low) / (high - low), 0, 1)
    return cut


def classes(generator: np.random.Generator) -> Control:
    """What a row is, from its measurements."""
    level, difficulty = draw_difficulty(generator)
    name = str(generator.choice(["breast cancer", "wine"]))
    table = _table(name)
    x = 2 * table.values[:, generator.permutation(table.values.shape[1])] - 1
    y = np.eye(len(table.labels))[table.classes]
    return Control(
        f"table of {name}, {difficulty}",
        "classes",
        CLASSIFICATION,
        *split(generator, x, y, round(HELD_SHARE[level] * len(x))),
        line_may_pass=True,
        shown_as="classes",
        labels=table.labels,
    )


def columns(generator: np.random.Generator) -> Control:
    """Some columns of a table from the others."""
    level, difficulty = draw_difficulty(generator)
    name, what, most = (
        ("breast cancer", "cell nuclei", 10),
        ("diabetes", "blood", 1),
        ("digits", "missing pixels", 10),
    )[int(generator.integers(3))]
    table = _table(name)
    asked = generator.choice(table.tellable, int(generator.integers(1, most + 1)), replace=False)
    rest = generator.permutation(np.setdiff1d(np.arange(table.values.shape[1]), asked))
    return Control(
        f"table of {what}, {difficulty}",
        "columns",
        REGRESSION,
        *split(
            generator,
            2 * table.values[:, rest] - 1,
            table.values[:, asked],
            round(HELD_SHARE[level] * len(table.values)),
        ),
        line_may_pass=True,
    )
