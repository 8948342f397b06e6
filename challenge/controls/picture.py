"""Pictures, 2 -> 1 (grey) and 2 -> 3 (colour): the video's "learning an image".

Photographed: a crop of one of scikit-learn's two sample photographs (china.jpg by Radomil, flower.jpg; both
CC BY), turned and mirrored at random, read between its pixels by bilinear interpolation. Drawn: discs, bars
and soft spots over a gradient. A harder one shows more and smaller things: a wider crop, or more shapes.
Points lie anywhere in the picture, so what is held out is not what a raster of the known ones lacks.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from challenge.controls import shipped
from challenge.controls.control import REGRESSION, Control, draw_difficulty, line_share, split

Array = NDArray[np.float64]
KNOWN, HELD = 32_768, 4096
SIDE: Final = 64  # pixels of a photograph's crop
# The width of what one of these pixels averages, in pixels of the photograph.
STEPS: Final = (3, 4, 6)
# Crops drawn; the one with the lowest linear r^2 is kept: not the sky above a roof.
CANDIDATES: Final = 4
SHAPES: Final = (4, 6, 9)
SIZES: Final = (0.6, 0.5, 0.4)


@lru_cache(maxsize=2)
def _photograph(name: str) -> Array:
    pixels: Array = shipped.photograph(name) / 255.0
    return pixels


def _photographed(generator: np.random.Generator, level: int, x: Array) -> tuple[str, Array]:
    name = str(generator.choice(["china", "flower"]))
    photograph = _photograph(name)
    step = STEPS[level]
    crop = SIDE * step
    corners = zip(
        *(generator.integers(0, size - crop + 1, CANDIDATES) for size in photograph.shape[:2]), strict=True
    )
    crops = [photograph[top : top + crop, left : left + crop] for top, left in corners]
    squares = [part.reshape(SIDE, step, SIDE, step, 3).mean((1, 3)) for part in crops]
    square = np.rot90(min(squares, key=_line_share), int(generator.integers(4)))
    if generator.random() < 0.5:
        square = square[:, ::-1]
    return f"photograph of a {name}" if name == "flower" else "photograph of China", _between(square, x)


def _line_share(pixels: Array) -> float:
    place = np.indices((SIDE, SIDE)).reshape(2, -1).T.astype(float)
    return line_share(place, pixels.reshape(-1, 3))


def _between(pixels: Array, x: Array) -> Array:
    """Bilinear interpolation of (SIDE, SIDE, 3) pixels at x (n, 2); the first row lies at the top, v = 1."""
    across = np.clip((x[:, 0] + 1) / 2 * SIDE - 0.5, 0, SIDE - 1)
    down = np.clip((1 - x[:, 1]) / 2 * SIDE - 0.5, 0, SIDE - 1)
    row, column = np.minimum(down.astype(int), SIDE - 2), np.minimum(across.astype(int), SIDE - 2)
    a, b = (down - row)[:, None], (across - column)[:, None]
    upper = (1 - b) * pixels[row, column] + b * pixels[row, column + 1]
    lower = (1 - b) * pixels[row + 1, column] + b * pixels[row + 1, column + 1]
    mixed: Array = (1 - a) * upper + a * lower
    return mixed


def _drawn(generator: np.random.Generator, level: int, x: Array) -> tuple[str, Array]:
    drawings = [_shapes(generator, level, x) for _ in range(CANDIDATES)]
    return "drawing", min(drawings, key=lambda y: line_share(x, y))


def _shapes(generator: np.random.Generator, level: int, x: Array) -> Array:
    u, v = x.T
    slope = generator.uniform(-0.2, 0.2, (2, 3))
    picture = 0.5 + u[:, None] * slope[0] + v[:, None] * slope[1]
    for _ in range(SHAPES[level]):
        a, b = generator.uniform(-0.9, 0.9, 2)
        size = generator.uniform(0.4, 1.0) * SIZES[level]
        angle = generator.uniform(0, np.pi)
        along = (u - a) * np.cos(angle) + (v - b) * np.sin(angle)
        across = (v - b) * np.cos(angle) - (u - a) * np.sin(angle)
        radius = np.hypot(along, across)
        cover = (
            (radius < size) * 1.0,
            ((np.abs(along) < size) & (np.abs(across) < size / 2)) * 1.0,
            np.exp(-2 * (radius / size) ** 2),
        )[int(generator.integers(3))]
        picture += cover[:, None] * (generator.uniform(0, 1, 3) - picture)
    clipped: Array = np.clip(picture, 0, 1)
    return clipped


def _picture(
    generator: np.random.Generator,
    family: str,
    made: Callable[[np.random.Generator, int, Array], tuple[str, Array]],
) -> Control:
    level, difficulty = draw_difficulty(generator)
    x = generator.uniform(-1, 1, (KNOWN + HELD, 2))
    kind, y = made(generator, level, x)
    grey = bool(generator.random() < 0.5)
    if grey:
        y = y.mean(axis=1, keepdims=True)
    name = f"{kind}, {difficulty} ({'grey' if grey else 'colour'})"
    return Control(name, family, REGRESSION, *split(generator, x, y, HELD), shown_as="picture")


def drawing(generator: np.random.Generator) -> Control:
    """A drawn picture, grey or in colour."""
    return _picture(generator, "drawing", _drawn)


def photograph(generator: np.random.Generator) -> Control:
    """A photographed picture, grey or in colour."""
    return _picture(generator, "photograph", _photographed)
