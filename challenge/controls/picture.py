"""Pictures, 2 -> 1 (grey) and 2 -> 3 (colour): the video's "learning an image".

Photographed: a crop of one of scikit-learn's two sample photographs (china.jpg, flower.jpg; CC BY), turned
and mirrored at random. Drawn: discs, bars and soft spots over a gradient.
"""

import numpy as np
from numpy.typing import NDArray

from challenge.controls.control import REGRESSION, Control, split

Array = NDArray[np.float64]
SIDE, HELD = 96, 3000


def _photographed(generator: np.random.Generator) -> tuple[str, Array]:
    from sklearn.datasets import load_sample_image  # noqa: PLC0415 - takes a second to import

    name = str(generator.choice(["china", "flower"]))
    photograph = load_sample_image(f"{name}.jpg") / 255.0
    # Every second or third pixel, so that a crop shows things rather than texture.
    step = int(generator.integers(2, 4))
    crop = SIDE * step
    top = generator.integers(0, photograph.shape[0] - crop)
    left = generator.integers(0, photograph.shape[1] - crop)
    square = photograph[top : top + crop, left : left + crop].reshape(SIDE, step, SIDE, step, 3).mean((1, 3))
    square = np.rot90(square, int(generator.integers(4)))
    return f"photographed {name}", square[:, ::-1] if generator.random() < 0.5 else square


def _drawn(generator: np.random.Generator) -> tuple[str, Array]:
    steps = (np.arange(SIDE) + 0.5) / SIDE * 2 - 1
    u, v = np.meshgrid(steps, steps)
    slope = generator.uniform(-0.2, 0.2, (2, 3))
    picture = 0.5 + u[..., None] * slope[0] + v[..., None] * slope[1]
    for _ in range(int(generator.integers(5, 10))):
        a, b = generator.uniform(-0.9, 0.9, 2)
        size = generator.uniform(0.15, 0.5)
        angle = generator.uniform(0, np.pi)
        along = (u - a) * np.cos(angle) + (v - b) * np.sin(angle)
        across = (v - b) * np.cos(angle) - (u - a) * np.sin(angle)
        radius = np.hypot(along, across)
        cover = (
            (radius < size) * 1.0,
            ((np.abs(along) < size) & (np.abs(across) < size / 3)) * 1.0,
            np.exp(-2 * (radius / size) ** 2),
        )[int(generator.integers(3))]
        picture += cover[..., None] * (generator.uniform(0, 1, 3) - picture)
    return "drawn", np.clip(picture, 0, 1)


def draw(generator: np.random.Generator) -> Control:
    """A picture, photographed or drawn, grey or in colour."""
    made = _photographed if generator.random() < 0.5 else _drawn
    kind, picture = made(generator)
    grey = bool(generator.random() < 0.5)
    if grey:
        picture = picture.mean(axis=2, keepdims=True)
    steps = (np.arange(SIDE) + 0.5) / SIDE * 2 - 1
    u, v = np.meshgrid(steps, -steps)
    x = np.stack([u.ravel(), v.ravel()], axis=1)
    y = picture.reshape(SIDE * SIDE, -1)
    name = f"picture ({kind}, {'grey' if grey else 'colour'})"
    return Control(name, "picture", REGRESSION, *split(generator, x, y, HELD))
