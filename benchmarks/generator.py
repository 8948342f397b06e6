# ruff: noqa: ANN001, ANN201, E501 - a script that prints
"""The generator's figures, as ratios within one run: `python benchmarks/generator.py [--quick]`.

A machine that is busy with other things slows both sides of a ratio. Each time is the smallest of several.
"""

import argparse
import importlib.util
import math
import os
import platform
import resource
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from challenge import deep, schedule
from challenge.compiled import bursts
from challenge.compiled.vectors import LANES, host_shape, kernel, lane_kernel
from challenge.evaluation import EvaluationSize, evaluation_set
from challenge.frame import CENTRE
from challenge.sampling import sample
from challenge.season import PRACTICE, Season
from challenge.target import distance, escape_count, target

LIMIT = 2_000
MISIUREWICZ = {
    "spiral": ("-0.77568377+0.13646737j", 24, 2),
    "star": ("-0.10109636384562+0.95628651080914j", 4, 1),
    "antenna": ("-1.543689012692076+0j", 3, 1),
}


def textbook(points, limit, mu):
    """What everybody writes first."""
    total = 0
    for i in range(len(points)):
        cr, ci = points[i, 0], points[i, 1]
        zr = zi = 0.0
        n = 0
        mu[i] = np.inf
        while n < limit:
            n += 1
            zr, zi = zr * zr - zi * zi + cr, 2.0 * zr * zi + ci
            squared = zr * zr + zi * zi
            if squared > 4294967296.0:
                mu[i] = n + 1 - math.log2(0.5 * math.log2(squared))
                break
        total += n
    return total


def bare_steps(block, _limit):
    with block.repeat(bursts.SPRINT_STEPS // 4, [block.load(bursts.ZR), block.load(bursts.ZI)]) as (now, put):
        after = now
        for _ in range(4):
            zr, zi = after
            after = [
                (-zi).fma(zi, zr.fma(zr, block.load(bursts.CR))),
                (zr + zr).fma(zi, block.load(bursts.CI)),
            ]
        put(after)
    zr, zi = put.values()
    block.store(bursts.ZR, zr)
    block.store(bursts.ZI, zi)


def nobody(block, _limit):
    none = block.load(bursts.ZR) < block.load(bursts.ZR)
    return none, none


bare = lane_kernel(bare_steps, nobody)


def bare_loop(state, times):
    for _ in range(times):
        bare(state, np.uint64(2**64 - 1), 1.0)


def sprint_loop(state, times):
    for _ in range(times):
        bursts.sprint(state, np.uint64(2**64 - 1), 1e12)


def best(work, times=5):
    """Seconds of the fastest run."""
    result = math.inf
    for _ in range(times):
        start = time.perf_counter()
        work()
        result = min(result, time.perf_counter() - start)
    return result


def one_thread(work):
    kept, schedule.threads = schedule.threads, lambda: 1
    try:
        return work()
    finally:
        schedule.threads = kept


def load_oracle():
    path = Path(__file__).parents[1] / "tests" / "challenge" / "oracle.py"
    spec = importlib.util.spec_from_file_location("oracle", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def show_arithmetic():
    print("\n# Arithmetic, one core")
    state = np.zeros((bursts.FIELDS, LANES))
    state[bursts.CR], state[bursts.CI] = -0.1, 0.1
    state[bursts.SHIFTED] = -0.1 - bursts.FLOOR
    work = 1000 * bursts.SPRINT_STEPS * LANES
    rates = {}
    for name, loop in (
        ("z alone, no test, no refill", kernel(bare_loop)),
        ("a sprint: with bound, tests", kernel(sprint_loop)),
    ):
        loop(state, 1)
        rates[name] = work / best(lambda loop=loop: loop(state, 1000), 9) / 1e9
        print(f"{name}: {rates[name]:.2f} G iterations/s")
    return rates["z alone, no test, no refill"]


def show_speed(slow, ceiling, n):
    print(f"\n# Escape counts, exact, one core, limit {LIMIT} (iterations as the textbook loop counts them)")
    rng = np.random.default_rng(1)
    windows = {
        "seahorse valley (-0.75, 0.1), width 0.1": ((-0.75, 0.1), 0.1),
        "seahorse valley (-0.7463, 0.1102), width 0.005": ((-0.7463, 0.1102), 0.005),
        "base window": (CENTRE, 4.0),
    }
    for name, (centre, width) in windows.items():
        points = np.array(centre) + width * (rng.random((n, 2)) - 0.5)
        mu = np.empty(n)
        slow(points, LIMIT, mu)
        for part, chosen in (("all points", points), ("escaping points", points[np.isfinite(mu)])):
            counted = slow(chosen, LIMIT, np.empty(len(chosen)))
            loop = best(lambda chosen=chosen: slow(chosen, LIMIT, np.empty(len(chosen))), 3)
            ours = one_thread(lambda chosen=chosen: best(lambda: escape_count(chosen, max_iterations=LIMIT)))
            apart = one_thread(lambda chosen=chosen: best(lambda: distance(chosen, max_iterations=LIMIT), 3))
            print(
                f"{name}, {part}: mean {counted / len(chosen):.0f} iterations; textbook {counted / loop / 1e9:.2f} G/s; "
                f"exact {counted / ours / 1e9:.2f} G/s = {loop / ours:.1f}x textbook, "
                f"{counted / ours / 1e9 / ceiling:.2f} of z alone; with distance {loop / apart:.1f}x"
            )
    points = np.array(CENTRE) + 4.0 * (rng.random((20 * n, 2)) - 0.5)
    single = one_thread(lambda: best(lambda: escape_count(points), 3))
    print(f"threads: {schedule.threads()} are {single / best(lambda: escape_count(points), 3):.2f}x one")


def show_products(quick):
    print("\n# What is made of it, all cores")
    cold = "import numpy as np, time; t = time.perf_counter()\nfrom challenge.target import target\ntarget(np.ones((9, 2)))\nprint(time.perf_counter() - t)"
    done = subprocess.run([sys.executable, "-c", cold], capture_output=True, text=True, check=True)
    print(f"first target() in a new process, compiled code on disk: {float(done.stdout):.2f} s")
    size = EvaluationSize(8, 32, 512) if quick else EvaluationSize()
    for season in (PRACTICE, Season.open("fresh")):
        seconds = best(lambda season=season: evaluation_set(season, size), 1)
        print(f"evaluation set of season {season.name}, {size.chains} chains: {seconds:.2f} s")
    rows, columns = np.mgrid[0:2160, 0:3840]
    picture = np.stack(
        [-0.75 + (columns.ravel() - 1919.5) * 4 / 2160, (rows.ravel() - 1079.5) * 4 / 2160], axis=1
    )
    print(
        f"3840 x 2160 of the base window, 1,000 iterations: {best(lambda: escape_count(picture, max_iterations=1000), 3):.2f} s"
    )
    n = 10**6 if quick else 10**7
    print(f"sample({n:.0e}): {best(lambda: sample(n, 1), 2):.2f} s")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    escape_count(picture, max_iterations=100)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"memory: {grown:.0f} MB more at the peak of one more picture of {picture.shape[0]:,} points")


def show_exactness(oracle, n):
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


def show_deep(oracle, quick):
    print("\n# Beyond double")
    gmpy2, side, limit = oracle.gmpy2, 256, 10_000
    for name, place in MISIUREWICZ.items():
        for octave in (100, 300):
            centre = misiurewicz(gmpy2, *place, octave + 120)
            seconds = best(lambda centre=centre, octave=octave: deep.render(centre, octave, side, limit), 2)
            picture = deep.render(centre, octave, side, limit)
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
        ours = best(lambda centre=centre: deep.render(centre, octave, side, limit), 3)
        print(
            f"{name}, octave {octave}, {side}x{side}: Fractalshades {theirs:.2f} s with colours and file, "
            f"ours {ours:.2f} s = {theirs / ours:.1f}x"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer points")
    quick = parser.parse_args().quick
    width, count = host_shape()
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}; vectors {count} x {width}"
    )
    slow = kernel(textbook)
    distance(np.ones((9, 2)))
    ceiling = show_arithmetic()
    show_speed(slow, ceiling, 20_000 if quick else 50_000)
    show_products(quick)
    oracle = load_oracle()
    show_exactness(oracle, 1_500 if quick else 24_000)
    show_deep(oracle, quick)


if __name__ == "__main__":
    main()
