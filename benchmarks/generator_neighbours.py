# ruff: noqa: ANN001, ANN201, ANN202, E501 - a script that prints
"""The generator beside its textbook neighbours: how fast, and how many points are wrong by more than 1e-9.

`python benchmarks/generator_neighbours.py [--quick] [--picture docs/generator_neighbours.svg]`

The points are those of a fresh season, so nobody has tuned anything to them. What is exact is proved by ball
arithmetic, at a random part of the points. Each runs in turns with the others; figures are medians of CPU time of
this process: M points a second of one core.
"""

import argparse
import ctypes
import math
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numba
import numpy as np
from generator_speed import textbook

from challenge.mandelbrot import parallel
from challenge.mandelbrot.certificate import prove
from challenge.mandelbrot.coordinates import view_width
from challenge.mandelbrot.target import escape_count, squash
from challenge.scoring.evaluation_set import EvaluationSize, evaluation_set
from challenge.scoring.season import Season

LIMIT = 5_000
BANDS = ((0, 3), (4, 7), (8, 15), (16, 23), (24, 31))

C_SOURCE = """
#include <math.h>
void escape(const double *points, long n, long limit, double *mu) {
    for (long i = 0; i < n; i++) {
        double cr = points[2 * i], ci = points[2 * i + 1], zr = 0, zi = 0;
        mu[i] = INFINITY;
        for (long k = 1; k <= limit; k++) {
            double t = zr * zr - zi * zi + cr;
            zi = 2 * zr * zi + ci;
            zr = t;
            double squared = zr * zr + zi * zi;
            if (squared > 4294967296.0) {
                mu[i] = k + 1 - log2(0.5 * log2(squared));
                break;
            }
        }
    }
}
"""


def numpy_loop(points):
    """Whole arrays, with the points that are left gathered after each step."""
    c = points[:, 0] + 1j * points[:, 1]
    mu, left, z = np.full(len(c), np.inf), np.arange(len(c)), np.zeros_like(c)
    for n in range(1, LIMIT + 1):
        z = z * z + c
        squared = z.real**2 + z.imag**2
        out = squared > 2.0**32
        if out.any():
            mu[left[out]] = n + 1 - np.log2(0.5 * np.log2(squared[out]))
            left, z, c = left[~out], z[~out], c[~out]
            if not left.size:
                break
    return mu


plain = numba.njit(textbook)


def plain_numba(points):
    mu = np.empty(len(points))
    plain(points, LIMIT, mu)
    return mu


@numba.njit(parallel=True)
def _in_parallel(points, mu):
    for i in numba.prange(len(points)):
        cr, ci = points[i, 0], points[i, 1]
        zr = zi = 0.0
        mu[i] = np.inf
        for n in range(1, LIMIT + 1):
            zr, zi = zr * zr - zi * zi + cr, 2.0 * zr * zi + ci
            squared = zr * zr + zi * zi
            if squared > 4294967296.0:
                mu[i] = n + 1 - math.log2(0.5 * math.log2(squared))
                break


def numba_prange(points):
    mu = np.empty(len(points))
    _in_parallel(points, mu)
    return mu


def c_loop(folder):
    """The same loop in C, compiled for this machine; None without a compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None
    source, library = Path(folder, "escape.c"), Path(folder, "escape.so")
    source.write_text(C_SOURCE)
    flags = ["-O3", "-march=native", "-shared", "-fPIC"]
    subprocess.run([compiler, *flags, str(source), "-o", str(library), "-lm"], check=True)
    function = ctypes.CDLL(str(library)).escape
    array = np.ctypeslib.ndpointer(np.float64, flags="C_CONTIGUOUS")
    function.argtypes = [array, ctypes.c_long, ctypes.c_long, array]
    function.restype = None

    def run(points):
        mu = np.empty(len(points))
        function(points, len(points), LIMIT, mu)
        return mu

    return run


def by_view(views, centres, octave):
    return parallel.escape_views(views, centres, view_width(octave), LIMIT, with_distance=False)[0].ravel()


def measure(kinds, octaves, times):
    """Median CPU seconds of each kind, over all octaves of a band."""
    spent = {name: [] for name in kinds}
    for _ in range(times):
        for name, work in kinds.items():
            start = time.process_time()
            for octave in octaves:
                work(octave)
            spent[name].append(time.process_time() - start)
    return {name: statistics.median(seconds) for name, seconds in spent.items()}


def draw(rows, path):
    """Speed and share wrong of each kind, band by band."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams |= {"svg.hashsalt": "generator", "svg.fonttype": "none"}
    from matplotlib import pyplot as plt

    names = [name for name in rows[0]["speed"] if rows[0]["speed"][name]]
    colours = ("#999999", "#56b4e9", "#0072b2", "#e69f00", "#cc79a7", "#009e73")
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4))
    for index, name in enumerate(names):
        where = np.arange(len(rows)) + (index - len(names) / 2 + 0.5) * 0.8 / len(names)
        speed = [row["speed"][name] for row in rows]
        wrong = [100 * row["wrong"][name] for row in rows]
        left.bar(where, speed, 0.8 / len(names), label=name, color=colours[index % len(colours)])
        right.bar(where, wrong, 0.8 / len(names), color=colours[index % len(colours)])
    for axes, title in (
        (left, "M points a second, one core (logarithmic)"),
        (right, "% wrong by more than 1e-9"),
    ):
        axes.set_xticks(range(len(rows)), [row["band"] for row in rows])
        axes.set_xlabel("octaves")
        axes.set_title(title, fontsize=10)
        axes.spines[["top", "right"]].set_visible(False)
    left.set_yscale("log")
    left.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1.15, 0.95))
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def run(chains, points, proofs, times, picture=None):
    """Print the table; returns its rows."""
    views = evaluation_set(Season.open("nobody has seen it"), EvaluationSize(chains, 32, points))
    rng = np.random.default_rng(0)
    parallel.threads = lambda: 1
    numba.set_num_threads(1)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        flat = [np.ascontiguousarray(views.points[:, octave].reshape(-1, 2)) for octave in range(32)]
        compiled = c_loop(folder)
        simple = {
            "NumPy": numpy_loop,
            "Numba": plain_numba,
            "Numba, prange": numba_prange,
            "C, -O3 -march=native": compiled,
            "project, plain": lambda p: escape_count(p, max_iterations=LIMIT, exact=False),
        }
        kinds = {
            name: (lambda octave, work=work: work(flat[octave]))
            for name, work in simple.items()
            if work is not None
        }
        kinds["project, exact"] = lambda octave: by_view(
            views.points[:, octave], views.centres[:, octave], octave
        )
        for work in kinds.values():
            work(31)
        print(f"{chains} x {points} points an octave, {LIMIT:,} iterations, one core\n")
        print("| octaves | " + " | ".join(kinds) + " |\n|---|" + "---|" * len(kinds))
        for first, last in BANDS:
            octaves = range(first, last + 1)
            spent = measure(kinds, octaves, times)
            total = len(flat[0]) * len(octaves)
            wrong, checked = dict.fromkeys(kinds, 0), 0
            for octave in octaves:
                chosen = rng.permutation(len(flat[octave]))[: -(-proofs // len(octaves))]
                proved = [prove(*flat[octave][place].tolist(), LIMIT) for place in chosen]
                checked += len(chosen)
                for name, work in kinds.items():
                    t = squash(work(octave))[chosen]
                    wrong[name] += sum(not p.holds(float(value)) for p, value in zip(proved, t, strict=True))
            row = {
                "band": f"{first} - {last}",
                "speed": {name: total / spent[name] / 1e6 for name in kinds},
                "wrong": {name: wrong[name] / checked for name in kinds},
                "ratio": {name: spent["Numba"] / spent[name] for name in kinds},
            }
            rows.append(row)
            cells = (
                f"{row['speed'][name]:.2f} ({row['ratio'][name]:.1f}x), {100 * row['wrong'][name]:.1f} %"
                for name in kinds
            )
            print(f"| {row['band']} | " + " | ".join(cells) + " |", flush=True)
    print(
        "\nEach cell: M points a second (against plain Numba), and the share of points wrong by more than 1e-9."
    )
    if picture:
        draw(rows, picture)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a twentieth of the points")
    parser.add_argument("--picture", type=Path, help="also draw it: an SVG file")
    options = parser.parse_args()
    if options.quick:
        run(8, 64, 40, 1, options.picture)
    else:
        run(32, 512, 400, 3, options.picture)


if __name__ == "__main__":
    main()
