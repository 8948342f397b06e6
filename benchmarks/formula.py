"""How far does knowing the formula carry on the samples track? Somebody who knows z^2 + c learns the warp.

    python benchmarks/formula.py [SAMPLES [rough]]

The strongest way that we know: c is written as x plus a smooth map (a polynomial of both coordinates) plus a
piecewise bilinear one (a lattice), the recolouring as a sum of ramps, and Gauss-Newton finds all of that from
exact samples. The escape count's derivatives come from dz/dc; nothing is left to a network. Once on the warp
as it would be without its rough part, and once as it is.
"""

import sys
import time
from dataclasses import replace

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags, hstack
from scipy.sparse.linalg import cg

from challenge.mandelbrot.coordinates import to_plane
from challenge.mandelbrot.target import escapes, squash
from challenge.scoring.chains import Views
from challenge.scoring.metrics import Scores, measure
from challenge.scoring.season import PRACTICE
from challenge.targets import SIZE, Samples, draw_target, target_views, training_samples
from challenge.targets.roughness import Roughness

Array = NDArray[np.float64]

DEGREE = 13
RAMPS = 24
POLYNOMIAL_POINTS = 12_000
# From far away, where the count bends little, towards the border, where it tells most.
STAGES = (6, 9, 14, 20, 30, 50)
LATTICES = (4, 5, 6, 7, 8)


def count_with_slope(c: Array, limit: int) -> tuple[Array, Array]:
    """mu (n,) and its slopes along both coordinates (n, 2); NaN where it does not escape in time."""
    z, dz = np.zeros(len(c), complex), np.zeros(len(c), complex)
    mu, slope = np.full(len(c), np.nan), np.full((len(c), 2), np.nan)
    left = np.arange(len(c))
    point = c[:, 0] + 1j * c[:, 1]
    for n in range(1, limit + 1):
        dz = 2 * z * dz + 1
        z = z * z + point[left]
        out = np.abs(z) > 2**16
        if out.any():
            size, there = np.abs(z[out]), left[out]
            mu[there] = n + 1 - np.log2(np.log2(size))
            toward = dz[out] / z[out] * (-1 / (np.log(2) * np.log(size)))
            slope[there] = np.stack([toward.real, -toward.imag], axis=1)
            left, z, dz = left[~out], z[~out], dz[~out]
    return mu, slope


def basis(unit: Array) -> Array:
    x, y = (chebyshev.chebvander(unit[:, axis], DEGREE) for axis in (0, 1))
    return np.stack([x[:, i] * y[:, j] for i in range(DEGREE + 1) for j in range(DEGREE + 1 - i)], axis=1)


def ramps(s: Array) -> Array:
    """Integrals of hat functions: a positive sum of them rises."""
    knots = np.linspace(0, 1, RAMPS)
    u = (s[:, None] - knots) * (RAMPS - 1)
    low, high = np.clip(u + 1, 0, 1), np.clip(u, 0, 1)
    start = np.clip(-knots * (RAMPS - 1) + 1, 0, 1)
    return (low**2 / 2 + high - high**2 / 2 - start**2 / 2) / (RAMPS - 1)


def hats(s: Array) -> Array:
    return np.clip(1 - np.abs(s[:, None] * (RAMPS - 1) - np.arange(RAMPS)), 0, 1)


def corners(unit: Array, power: int) -> csr_matrix:
    """Bilinear interpolation on the lattice of spacing 2^-power, as a sparse matrix."""
    side = (2 << power) + 1
    u = (unit + 1) * 2.0**power
    cell = np.minimum(u.astype(int), side - 2)
    f = u - cell
    columns, weights = [], []
    for a in (0, 1):
        for b in (0, 1):
            columns.append((cell[:, 0] + a) * side + cell[:, 1] + b)
            weights.append(np.where(a, f[:, 0], 1 - f[:, 0]) * np.where(b, f[:, 1], 1 - f[:, 1]))
    rows = np.tile(np.arange(len(unit)), 4)
    return csr_matrix(
        (np.concatenate(weights), (rows, np.concatenate(columns))), shape=(len(unit), side * side)
    )


def weights(good: Array, rest: Array, slope: Array) -> tuple[float, Array]:
    """How far the plane is off, in the median, in units of x; and what each residual weighs by that."""
    steep = np.linalg.norm(slope, axis=1) + 1e-9
    off = np.abs(rest) / steep
    away = float(np.median(off[good])) + 1e-13
    # Whoever is off by far more is on another branch, and says little.
    return away, good / (steep * away * np.maximum(1.0, (off / (4 * away)) ** 2))


class Learner:
    def __init__(self, samples: Samples) -> None:
        self.x, self.t = samples.x, samples.t
        self.smooth = np.zeros((basis(self.x[:1]).shape[1], 2))
        self.colour = np.ones(RAMPS)
        self.lattice = {}

    def plane(self, unit: Array) -> Array:
        moved = np.concatenate([basis(part) @ self.smooth for part in np.array_split(unit, 64)])
        for power, heights in self.lattice.items():
            moved = moved + corners(unit, power) @ heights
        return to_plane(unit + moved)

    def predict(self, unit: Array) -> Array:
        return ramps(squash(escapes(self.plane(unit)).count)) @ self.colour

    def rows(self, unit: Array, t: Array, limit: int) -> tuple[Array, Array, Array, Array]:
        """What is left over, its slope by the displacement (n, 2) and by the squashed count."""
        mu, slope = count_with_slope(self.plane(unit), limit)
        good = np.isfinite(mu) & (mu > 0.3)
        m = np.where(good, mu, 1.0)
        s = m / (m + 50)
        steep = hats(s) @ self.colour * 50 / (m + 50) ** 2
        return good, t - ramps(s) @ self.colour, 2 * slope * steep[:, None], s

    def learn_smooth(self, limit: int, rounds: int) -> float:
        """Gauss-Newton with a prior and halved steps, on the polynomial and the recolouring."""
        mu, _ = count_with_slope(self.plane(self.x[:200_000]), limit)
        pick = np.flatnonzero(np.isfinite(mu) & (mu > 0.3))[:POLYNOMIAL_POINTS]
        unit, t = self.x[pick], self.t[pick]
        features = basis(unit)
        order = np.array([i + j for i in range(DEGREE + 1) for j in range(DEGREE + 1 - i)])
        count = len(order)
        prior = np.concatenate([np.tile(0.2 * np.exp(-0.4 * order), 2), np.full(RAMPS, 0.5)])
        good, rest, slope, s = self.rows(unit, t, 4 * limit)
        for _ in range(rounds):
            away, weight = weights(good, rest, slope)
            j = np.hstack([features * slope[:, :1], features * slope[:, 1:], ramps(s)])
            j = np.where(good[:, None], j, 0.0) * weight[:, None]
            theta = np.concatenate([self.smooth.T.ravel(), self.colour - 1])
            ahead = np.concatenate([np.where(good, rest, 0.0) * weight, -theta / prior])
            step = np.linalg.lstsq(np.vstack([j * prior, np.eye(len(theta))]), ahead, rcond=None)[0] * prior
            old = self.smooth, self.colour
            for half in range(6):
                part = step * 0.5**half
                self.smooth = old[0] + part[: 2 * count].reshape(2, -1).T
                self.colour = old[1] + part[2 * count :]
                good, rest, slope, s = self.rows(unit, t, 4 * limit)
                if weights(good, rest, slope)[0] < away:
                    break
        return weights(good, rest, slope)[0]

    def learn_lattice(self, power: int, limit: int, rounds: int = 3) -> float:
        """Gauss-Newton on a lattice's displacements, held small by how large they can be."""
        matrix = corners(self.x, power)
        heights = np.zeros((matrix.shape[1], 2))
        self.lattice[power] = heights
        for _ in range(rounds):
            good, rest, slope, _ = self.rows(self.x, self.t, limit)
            away, weight = weights(good, rest, slope)
            some, weight, rest = matrix[good], weight[good], rest[good]
            whole = hstack([diags(slope[good, axis] * weight) @ some for axis in (0, 1)]).tocsr()
            # As large as the layers of this spacing and coarser ones can be, or as what is left over.
            size = min(0.003 * 2.0**-power, away)
            normal = whole.T @ whole + diags(np.full(whole.shape[1], size**-2))
            step, _ = cg(
                normal, whole.T @ (rest * weight) - heights.T.ravel() / size**2, maxiter=80, rtol=1e-4
            )
            heights += step.reshape(2, -1).T
        return weights(*self.rows(self.x, self.t, limit)[:3])[0]


def measured(learner: Learner, views: Views) -> Scores:
    unit = views.points.reshape(-1, 2)
    return measure(views.truth, learner.predict(unit).reshape(views.truth.shape))


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1 << 20
    drawn = draw_target(PRACTICE, "mandelbrot")
    size = replace(SIZE, chains=16, points=64)
    for name, target in (
        ("smooth alone", replace(drawn, roughness=Roughness(0, 0.0))),
        ("as it is", drawn),
    )[len(sys.argv) > 2 :]:
        samples, views = training_samples(PRACTICE, target, n), target_views(PRACTICE, target, size)
        learner, began = Learner(samples), time.process_time()
        print(f"{name}: {n:,} samples")
        for limit in STAGES:
            rest = learner.learn_smooth(limit, 4)
            print(f"  polynomial, up to count {limit:3}: median distance {rest:.1e}", flush=True)
        scores = measured(learner, views)
        print(
            f"  polynomial: {scores.octaves:.2f} octaves after {time.process_time() - began:.0f} s",
            flush=True,
        )
        for power in LATTICES:
            rest = learner.learn_lattice(power, 120)
            scores = measured(learner, views)
            print(
                f"  and a lattice of 2^-{power}: {scores.octaves:.2f} octaves, median distance {rest:.1e}, "
                f"after {time.process_time() - began:.0f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
