# ruff: noqa: ANN001, ANN002, ANN201, ANN202, E501 - a script that prints
"""The generator's figures, as ratios within one run: `python benchmarks/generator.py [--quick]`.

What is compared runs in turns, and figures are medians. On one core they are of CPU time, so that other work on the
machine moves them little; over several cores and for whole products they are of the clock on the wall.
"""

import argparse
import importlib.util
import math
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from challenge import deep, precise, schedule
from challenge.compiled import bursts, limbs
from challenge.compiled.lanes import SLACK
from challenge.compiled.vectors import host_shape, kernel
from challenge.compiled.ways import sprint
from challenge.evaluation import EvaluationSize, evaluation_set
from challenge.frame import CENTRE
from challenge.sampling import sample
from challenge.season import PRACTICE, Season
from challenge.target import distance, escape_count, escapes, target

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


@kernel
def sprints(way, with_derivative, state, live, times):
    for _ in range(times):
        sprint(way, with_derivative, state, live, bursts.LONGEST // bursts.TURN, 1e3)


def in_turns(works, times=5, clock=time.thread_time):
    """Median seconds of each of some functions, called in turns."""
    spent = {name: [] for name in works}
    for _ in range(times):
        for name, work in works.items():
            start = clock()
            work()
            spent[name].append(clock() - start)
    return {name: statistics.median(seconds) for name, seconds in spent.items()}


def best(work, times=5):
    """Seconds of the fastest run, by the clock on the wall."""
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


def watched(work):
    """How many points went which way while this was done: rows of (way, points, of them doubtful, seconds)."""
    rows, sweep, settle = [], schedule._sweep, precise.escape  # noqa: SLF001 - what only the inside knows
    last = []

    def watching(points, limit, way, mu, distances, _workers):
        start = time.thread_time()
        doubtful, late = sweep(points, limit, way, mu, distances, 1)
        rows.append((way, len(points), len(doubtful), time.thread_time() - start))
        return doubtful, late

    def settling(*arguments):
        last.append(arguments)
        return settle(*arguments)

    schedule._sweep, precise.escape = watching, settling  # noqa: SLF001
    try:
        work()
    finally:
        schedule._sweep, precise.escape = sweep, settle  # noqa: SLF001
    return [*rows, (0, len(last), 0, 0.0)]


def show_ways(name, work):
    rows = watched(work)
    total = rows[0][1] if rows[0][0] == 1 else 1
    names = {0: "integers of any length", 1: "doubles"} | {count: f"{count} limbs" for count in limbs.LADDER}
    parts = []
    for way, label in sorted(names.items(), key=lambda item: item[0] or 99):
        here = [row for row in rows if row[0] == way]
        points, seconds = sum(row[1] for row in here), sum(row[3] for row in here)
        if way == 1:
            total = sum(row[1] for row in here) or total
        parts.append(f"{label} {points:,} ({points / total:.2%}, {1000 * seconds:.0f} ms)")
    print(f"{name}: points and CPU time by way: {'; '.join(parts)}")


def show_arithmetic():
    print("\n# Arithmetic, one core, no refill")
    live, times = 480, 400
    work = times * bursts.LONGEST * live
    kinds = {
        "z alone": (0, False),
        "with the bound": (1, False),
        "with bound and derivative": (1, True),
    } | {f"{count} limbs, with both": (count, True) for count in limbs.LADDER}
    loops = {}
    for name, (way, with_derivative) in kinds.items():
        state = np.zeros((bursts.ROWS if way < 2 else limbs.rows(way), live + SLACK))
        state[bursts.CR], state[bursts.CI] = -0.1, 0.1
        here = times if way < 2 else times // 40
        loops[name] = lambda way=way, d=with_derivative, state=state, here=here: sprints(
            way, d, state, live, here
        )
        loops[name]()
    spent = in_turns(loops, 9)
    rates = {name: (work if kinds[name][0] < 2 else work / 40) / spent[name] / 1e9 for name in kinds}
    for name, rate in rates.items():
        print(f"{name}: {rate:.2f} G iterations/s")
    return rates["z alone"]


WINDOWS = {
    "seahorse valley (-0.75, 0.1), width 0.1": ((-0.75, 0.1), 0.1),
    "seahorse valley (-0.7463, 0.1102), width 0.005": ((-0.7463, 0.1102), 0.005),
    "base window": (CENTRE, 4.0),
}


def show_speed(slow, ceiling, n):
    print(f"\n# Escape counts, one core, limit {LIMIT} (iterations as the textbook loop counts them)")
    rng = np.random.default_rng(1)
    for name, (centre, width) in WINDOWS.items():
        points = np.array(centre) + width * (rng.random((n, 2)) - 0.5)
        mu = np.empty(n)
        slow(points, LIMIT, mu)
        for part, chosen in (("all points", points), ("escaping points", points[np.isfinite(mu)])):
            counted = slow(chosen, LIMIT, np.empty(len(chosen)))
            works = {
                "textbook": lambda chosen=chosen: slow(chosen, LIMIT, np.empty(len(chosen))),
                "exact": lambda chosen=chosen: escape_count(chosen, max_iterations=LIMIT),
                "plain": lambda chosen=chosen: escape_count(chosen, max_iterations=LIMIT, exact=False),
                "both": lambda chosen=chosen: escapes(chosen, max_iterations=LIMIT),
            }
            spent = one_thread(lambda works=works: in_turns(works, 9))
            rate = {kind: counted / seconds / 1e9 for kind, seconds in spent.items()}
            ratio = {kind: spent["textbook"] / seconds for kind, seconds in spent.items()}
            print(
                f"{name}, {part}: mean {counted / len(chosen):.0f} iterations; textbook {rate['textbook']:.2f} G/s; "
                f"exact {rate['exact']:.2f} G/s = {ratio['exact']:.1f}x textbook, {rate['exact'] / ceiling:.2f} of z "
                f"alone; plain {rate['plain']:.2f} G/s = {ratio['plain']:.1f}x; "
                f"exact with distance {ratio['both']:.1f}x"
            )
        show_ways(name, lambda points=points: escape_count(points, max_iterations=LIMIT))
    centre, width = WINDOWS["seahorse valley (-0.7463, 0.1102), width 0.005"]
    points = np.array(centre) + width * (rng.random((200 * n, 2)) - 0.5)
    spent = in_turns(
        {
            "one": lambda: one_thread(lambda: escape_count(points, max_iterations=LIMIT)),
            "all": lambda: escape_count(points, max_iterations=LIMIT),
        },
        5,
        time.perf_counter,
    )
    print(
        f"threads: {schedule.threads()} are {spent['one'] / spent['all']:.2f}x one, on {len(points):,} points of the "
        f"seahorse valley ({spent['one']:.2f} s and {spent['all']:.2f} s)"
    )


def show_products(quick):
    print("\n# What is made of it, all cores")
    cold = "import numpy as np, time; t = time.process_time()\nfrom challenge.target import target\ntarget(np.ones((9, 2)))\nprint(time.process_time() - t)"
    done = subprocess.run([sys.executable, "-c", cold], capture_output=True, text=True, check=True)
    print(f"first target() in a new process, compiled code on disk: {float(done.stdout):.2f} s of CPU time")
    size = EvaluationSize(8, 32, 512) if quick else EvaluationSize()
    for season in (PRACTICE, Season.open("fresh")):
        spent = in_turns(
            {"": lambda season=season: evaluation_set(season, size)}, 1 if quick else 3, time.perf_counter
        )
        start = time.process_time()
        evaluation_set(season, size)
        print(
            f"evaluation set of season {season.name}, {size.chains} chains: {spent['']:.2f} s, of CPU time "
            f"{time.process_time() - start:.2f} s"
        )
        show_ways(f"season {season.name}", lambda season=season: evaluation_set(season, size))
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
