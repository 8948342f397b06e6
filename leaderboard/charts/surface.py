"""A fitted surface in 3D, shaded by distance and light, as SVG."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from challenge.results.result_visuals import SurfaceFit

Array = NDArray[np.float64]

SIZE: Final = 320
SHADES: Final = 10
FACES: Final = 1300
POINTS: Final = 350
AZIMUTH: Final = math.radians(-38)
ELEVATION: Final = math.radians(24)
_LIGHT: Final = np.array([-0.45, 0.65, 0.6]) / np.linalg.norm([-0.45, 0.65, 0.6])


@dataclass(frozen=True)
class SurfaceChart:
    """The parts of a surface from back to front: (shade, SVG path); a known point has shade None."""

    parts: tuple[tuple[int | None, str], ...]
    size: int = SIZE
    kind: str = "surface"


@dataclass(frozen=True)
class Shape:
    """A surface in the unit ball about the origin: known (n, 3) points, and a grid (rows, columns, 3)."""

    known: Array
    grid: Array


def shape(fit: SurfaceFit) -> Shape:
    """The surface of evidence, scaled to the unit ball and thinned to what a small chart can show.

    Raises:
        ValueError: the evidence is inconsistent.
    """
    known = np.asarray(fit.known, dtype=np.float64).reshape(-1, 3)
    grid = np.asarray(fit.fit, dtype=np.float64).reshape(fit.rows, fit.columns, 3)
    if min(grid.shape[:2]) < 2 or not len(known):
        raise ValueError("a surface needs known points and a grid of 2 x 2 at least")
    low, high = known.min(axis=0), known.max(axis=0)
    middle = (low + high) / 2
    radius = float(np.linalg.norm(known - middle, axis=1).max()) or 1.0
    thin = max(1, math.ceil(math.sqrt(grid.shape[0] * grid.shape[1] / FACES)))
    rows, columns = (_every(count, thin) for count in grid.shape[:2])
    # A diverging fit is clipped, so that the known points stay visible.
    scaled = np.clip((grid[np.ix_(rows, columns)] - middle) / radius, -1.6, 1.6)
    return Shape((known[:: max(1, len(known) // POINTS)] - middle) / radius, scaled)


def _every(count: int, step: int) -> NDArray[np.intp]:
    """Every `step`-th index and the last one, so that a closed surface stays closed."""
    return np.unique(np.append(np.arange(0, count, step), count - 1))


def draw(fit: SurfaceFit) -> SurfaceChart:
    """The chart of a surface.

    Raises:
        ValueError: the evidence is inconsistent.
    """
    found = shape(fit)
    turn = _rotation(AZIMUTH, ELEVATION)
    corners, points = found.grid @ turn.T, found.known @ turn.T
    faces = np.stack([corners[:-1, :-1], corners[:-1, 1:], corners[1:, 1:], corners[1:, :-1]], axis=2)
    faces = faces.reshape(-1, 4, 3)
    shades = _shades(faces)
    # A point on the surface is drawn in front of it.
    depth = np.concatenate([faces[:, :, 2].mean(axis=1), points[:, 2] + 0.06])
    parts: list[tuple[int | None, str]] = []
    for index in np.argsort(depth):
        if index < len(faces):
            parts.append((int(shades[index]), _face(faces[index])))
        else:
            x, y = _place(points[index - len(faces)])
            parts.append((None, f"M{x} {y}h0"))
    return SurfaceChart(tuple(parts))


def _rotation(azimuth: float, elevation: float) -> Array:
    """The rotation to (right, up, towards the viewer); the surface's third axis is its height."""
    ca, sa, ce, se = math.cos(azimuth), math.sin(azimuth), math.cos(elevation), math.sin(elevation)
    return np.array([[ca, -sa, 0.0], [-sa * se, -ca * se, ce], [sa * ce, ca * ce, se]])


def _shades(faces: Array) -> NDArray[np.intp]:
    """The shade of each face (n, 4, 3), 0 .. SHADES - 1, from its angle to the light and its distance."""
    normal = np.cross(faces[:, 2] - faces[:, 0], faces[:, 3] - faces[:, 1])
    length = np.linalg.norm(normal, axis=1)
    # Both sides of a face may be visible, so both are lit.
    light = np.abs(normal @ _LIGHT) / np.where(length > 0, length, 1.0)
    near = np.clip((faces[:, :, 2].mean(axis=1) + 1) / 2, 0, 1)
    shades: NDArray[np.intp] = np.clip(((0.6 * light + 0.4 * near) * SHADES).astype(np.intp), 0, SHADES - 1)
    return shades


def _place(point: Array) -> tuple[str, str]:
    half = SIZE / 2
    return f"{half + point[0] * half * 0.94:.1f}", f"{half - point[1] * half * 0.94:.1f}"


def _face(corners: Array) -> str:
    return "M" + "L".join(" ".join(_place(corner)) for corner in corners) + "Z"
