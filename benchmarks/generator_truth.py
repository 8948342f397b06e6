# ruff: noqa: ANN001, ANN201, E501 - a script that prints
"""Whether the generator is right: against gmpy2 in hundreds of bits, and far below doubles against Fractalshades too."""

import math
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from generator_speed import best, textbook

from challenge.mandelbrot import deep_zoom
from challenge.mandelbrot.kernels.llvm_vectors import kernel
from challenge.mandelbrot.target import target
from challenge.scoring.evaluation_set import EvaluationSize, evaluation_set
from challenge.scoring.season import PRACTICE, Season

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.support import oracle

MISIUREWICZ = {
    "spiral": ("-0.77568377+0.13646737j", 24, 2),
    "star": ("-0.10109636384562+0.95628651080914j", 4, 1),
    "antenna": ("-1.543689012692076+0j", 3, 1),
}


def show_exactness(n):
    print("\n# Exactness against gmpy2 in 400 bits (1,200 where the count is above 1,000)")
    limit = 20_000
    worst, checked, far = 0.0, 0, 0
    loop = np.empty(0)
    plain = 0
    slow = kernel(textbook)
    for name in ("fresh one", "fresh two", "practice"):
        season = PRACTICE if name == "practice" else Season.open(name)
        points = evaluation_set(season, EvaluationSize(16, 32, 64)).points.reshape(-1, 2)
        points = points[np.random.default_rng(0).permutation(len(points))[: n // 3 + 1]]
        got = target(points, max_iterations=limit)
        loop = np.empty(len(points))
        slow(points, limit, loop)
        for point, t, first in zip(points.tolist(), got, loop, strict=True):
            # An inside point costs the oracle its whole limit; one in ten is enough.
            far += t == 1
            if t == 1 and far % 10:
                continue
            want = oracle.target(oracle.count(*point, limit, 400 if t < 0.95 else 1200))
            worst = max(worst, abs(t - want))
            plain += abs(oracle.target(first) - want) > 1e-9
            checked += 1
    print(
        f"{checked:,} points of three seasons: worst |t - exact| = {worst:.1e} (allowed 1e-9); a plain loop is wrong at {plain}"
    )


def misiurewicz(gmpy2, start, before, period, bits):
    with gmpy2.context(precision=bits):
        c = gmpy2.mpc(start)
        for _ in range(60):
            z = d = gmpy2.mpc(0)
            saved = (z, d)
            for n in range(before + period):
                if n == before:
                    saved = (z, d)
                d, z = 2 * z * d + 1, z * z + c
            step = (z - saved[0]) / (d - saved[1])
            c -= step
            if abs(step) < gmpy2.mpfr(2) ** (20 - bits):
                break
        return f"{c.real:.{int(bits * 0.3)}f}", f"{c.imag:.{int(bits * 0.3)}f}"


def show_deep(quick):
    print("\n# Beyond double")
    gmpy2, side, limit = oracle.gmpy2, 256, 10_000
    for name, place in MISIUREWICZ.items():
        for octave in (100, 300):
            centre = misiurewicz(gmpy2, *place, octave + 120)
            seconds = best(
                lambda centre=centre, octave=octave: deep_zoom.render(centre, octave, side, limit), 2
            )
            picture = deep_zoom.render(centre, octave, side, limit)
            errors = []
            started = time.perf_counter()
            for row, column in np.random.default_rng(0).integers(0, side, (40 if quick else 200, 2)).tolist():
                with gmpy2.context(precision=octave + 160):
                    span = gmpy2.mpfr(2) ** (2 - octave)
                    re = gmpy2.mpfr(centre[0]) + span * (
                        gmpy2.mpfr(2 * column + 1) / (2 * side) - gmpy2.mpfr("0.5")
                    )
                    im = gmpy2.mpfr(centre[1]) - span * (
                        gmpy2.mpfr(2 * row + 1) / (2 * side) - gmpy2.mpfr("0.5")
                    )
                want = oracle.count(re, im, limit, octave + 160)
                got = picture[row, column]
                errors.append(0.0 if math.isinf(want) and math.isinf(got) else abs(got - want))
            direct = (time.perf_counter() - started) / len(errors) * side**2
            print(
                f"{name}, octave {octave}: {side}x{side} in {seconds:.2f} s, {direct / seconds:,.0f}x a direct computation; "
                f"count off by {np.median(errors):.0e} (median), {max(errors):.0e} (worst of {len(errors)})"
            )
    show_fractalshades(gmpy2, side, limit)


def show_fractalshades(gmpy2, side, limit):
    python = os.environ.get("FRACTALSHADES_PYTHON", sys.executable)
    script = str(Path(__file__).with_name("fractalshades_picture.py"))
    octave = 100
    for name, place in MISIUREWICZ.items():
        centre = misiurewicz(gmpy2, *place, octave + 120)
        command = [python, script, *centre, str(octave), str(side), str(limit)]
        environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        if done.returncode:
            reason = (done.stderr.strip() or "no reason given").splitlines()[-1]
            print(
                f"Fractalshades is not compared ({reason}); name a Python that has it in $FRACTALSHADES_PYTHON"
            )
            return
        theirs = float(done.stdout.split()[-1])
        ours = best(lambda centre=centre: deep_zoom.render(centre, octave, side, limit), 3)
        print(
            f"{name}, octave {octave}, {side}x{side}: Fractalshades {theirs:.2f} s with colours and file, "
            f"ours {ours:.2f} s = {theirs / ours:.1f}x"
        )
