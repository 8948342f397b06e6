# ruff: noqa: ANN001, ANN002, ANN201, ANN202, E501 - a script that prints
"""How fast the generator is: rates against the textbook loop and the machine's arithmetic, and what is made of it.

What is compared runs in turns, and figures are medians. On one core they are of CPU time, so that other work on the
machine moves them little; over several cores and for whole products they are of the clock on the wall.
"""

import math
import resource
import statistics
import subprocess
import sys
import time

import numpy as np

from challenge.mandelbrot import exact_orbits, parallel
from challenge.mandelbrot.coordinates import CENTRE
from challenge.mandelbrot.kernels import float64_steps, multiprecision_steps
from challenge.mandelbrot.kernels.dispatch import unchecked_steps
from challenge.mandelbrot.kernels.lanes import SLACK
from challenge.mandelbrot.kernels.llvm_vectors import kernel
from challenge.mandelbrot.target import escape_count, escapes
from challenge.scoring.evaluation_set import EvaluationSize, evaluation_set
from challenge.scoring.season import PRACTICE, Season
from challenge.training.sampling import sample
from challenge.training.zoom_samples import draw_zoom_points

LIMIT = 2_000


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
def repeat_unchecked(precision, with_derivative, state, live, times):
    for _ in range(times):
        unchecked_steps(
            precision, with_derivative, state, live, float64_steps.LONGEST // float64_steps.TURN, 1e3
        )


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
    kept, parallel.threads = parallel.threads, lambda: 1
    try:
        return work()
    finally:
        parallel.threads = kept


def record_passes(work):
    """The passes over points that this took: rows of (precision, points, of them doubtful, CPU seconds)."""
    rows, run, settle = [], parallel._Work.run, exact_orbits.escape  # noqa: SLF001 - what only the inside knows
    last = []

    def recording(self, places, precision, limit, *, at_zero):
        start = time.thread_time()
        doubtful, late = run(self, places, precision, limit, at_zero=at_zero)
        n = len(self.points) if places is None else len(places)
        rows.append((precision, n, len(doubtful), time.thread_time() - start))
        return doubtful, late

    def settling(*arguments):
        last.append(arguments)
        return settle(*arguments)

    parallel._Work.run, exact_orbits.escape = recording, settling  # noqa: SLF001
    try:
        one_thread(work)
    finally:
        parallel._Work.run, exact_orbits.escape = run, settle  # noqa: SLF001
    return [*rows, (0, len(last), 0, 0.0)]


def show_passes(name, work):
    rows = record_passes(work)
    total = rows[0][1] if rows[0][0] == 1 else 1
    names = {0: "integers of any length", 1: "doubles"} | {
        count: f"{count} limbs" for count in multiprecision_steps.LADDER
    }
    parts = []
    for precision, label in sorted(names.items(), key=lambda item: item[0] or 99):
        here = [row for row in rows if row[0] == precision]
        points, seconds = sum(row[1] for row in here), sum(row[3] for row in here)
        if precision == 1:
            total = sum(row[1] for row in here) or total
        parts.append(f"{label} {points:,} ({points / total:.2%}, {1000 * seconds:.0f} ms)")
    print(f"{name}: points and CPU time by precision: {'; '.join(parts)}")


def show_arithmetic():
    print("\n# Arithmetic, one core, no refill")
    live, times = 480, 400
    work = times * float64_steps.LONGEST * live
    kinds = {
        "z alone": (0, False),
        "with the bound": (1, False),
        "with bound and derivative": (1, True),
    } | {f"{count} limbs, with both": (count, True) for count in multiprecision_steps.LADDER}
    loops = {}
    for name, (precision, with_derivative) in kinds.items():
        state = np.zeros(
            (float64_steps.ROWS if precision < 2 else multiprecision_steps.rows(precision), live + SLACK)
        )
        state[float64_steps.CR], state[float64_steps.CI] = -0.1, 0.1
        here = times if precision < 2 else times // 40
        loops[name] = lambda precision=precision, d=with_derivative, state=state, here=here: repeat_unchecked(
            precision, d, state, live, here
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
        show_passes(name, lambda points=points: escape_count(points, max_iterations=LIMIT))
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
        f"threads: {parallel.threads()} are {spent['one'] / spent['all']:.2f}x one, on {len(points):,} points of the "
        f"seahorse valley ({spent['one']:.2f} s and {spent['all']:.2f} s)"
    )


def show_sampler(chains):
    def draw():
        return draw_zoom_points(np.random.default_rng(1), chains, 31)

    points = len(draw().t)
    spent = in_turns({"one": lambda: one_thread(draw), "all": draw}, 9, time.perf_counter)
    print(
        f"zoom chains, {points:,} points: one thread {points / spent['one'] / 1e6:.2f} M/s, {parallel.threads()} threads "
        f"{points / spent['all'] / 1e6:.2f} M/s ({spent['one'] / spent['all']:.2f}x)"
    )


def show_products(quick):
    print("\n# What is made of it, all cores")
    cold = "import numpy as np, time; t = time.process_time()\nfrom challenge.mandelbrot.target import target\ntarget(np.ones((9, 2)))\nprint(time.process_time() - t)"
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
        show_passes(f"season {season.name}", lambda season=season: evaluation_set(season, size))
    rows, columns = np.mgrid[0:2160, 0:3840]
    picture = np.stack(
        [-0.75 + (columns.ravel() - 1919.5) * 4 / 2160, (rows.ravel() - 1079.5) * 4 / 2160], axis=1
    )
    print(
        f"3840 x 2160 of the base window, 1,000 iterations: {best(lambda: escape_count(picture, max_iterations=1000), 3):.2f} s"
    )
    n = 10**6 if quick else 10**7
    print(f"sample({n:.0e}): {best(lambda: sample(n, 1), 2):.2f} s")
    show_sampler(15 if quick else 147)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    escape_count(picture, max_iterations=100)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"memory: {grown:.0f} MB more at the peak of one more picture of {picture.shape[0]:,} points")
