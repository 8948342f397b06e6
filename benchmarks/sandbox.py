"""What confinement costs, and what the attacks get: `python benchmarks/sandbox.py --museum --kills 400`.

The same work, a start, a prediction and a fit, is done confined and unconfined, interleaved (MBC_SANDBOX
names the provider; with --sealed: in the tree in memory, and with the host's own files), and the median of
the ratios is taken: on the wall, and in processor time of judge and sandbox together, which other work on the
machine disturbs less. With --museum every attack is judged by each provider, in a table; with --kills that
many judges are killed within the first milliseconds of a start, and what is left is counted.
benchmarks/faults.py does harm to a whole board.
"""

import argparse
import contextlib
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from safetensors.torch import save
from torch import nn

from challenge.bundle.manifest import Manifest
from challenge.bundle.reader import Bundle
from challenge.training.refit import Budget
from evaluator.sandbox import Bubblewrap, Sandbox, Unconfined, find_sandbox, providers
from evaluator.sandbox.limits import Limits

if TYPE_CHECKING:
    from evaluator.sandbox.session import Session

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # for tests.support and tests.evaluator
SOURCE = b"""
from torch import nn

def build(i, o):
    return nn.Sequential(nn.Linear(i, 128), nn.GELU(), nn.Linear(128, 128), nn.GELU(), nn.Linear(128, o))
"""
POINTS = 200_000
STEPS = 500


def bundle() -> Bundle:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 128), nn.GELU(), nn.Linear(128, 128), nn.GELU(), nn.Linear(128, 1))
    return Bundle(
        Manifest("a", "b", "c"), {"model.py": SOURCE, "weights.safetensors": save(model.state_dict())}
    )


@dataclass(frozen=True)
class Cost:
    """Seconds of one piece of work: on the wall, and of processors, judge and sandbox together."""

    wall: float
    cpu: float


def cpu_seconds(process: int) -> float:
    """Processor time of a process and all that came from it."""
    total = 0.0
    with contextlib.suppress(OSError):
        # The clock of another process, clock_getcpuclockid(3).
        total += time.clock_gettime((~process << 3) | 2)
        for task in Path(f"/proc/{process}/task").glob("*/children"):
            total += sum(cpu_seconds(int(child)) for child in task.read_text().split())
    return total


def cost(act: Callable[[], object]) -> Cost:
    """What an act costs, of all that runs here: a sandbox may be a fork of some other process."""
    before, began = cpu_seconds(os.getpid()), time.perf_counter()
    act()
    return Cost(time.perf_counter() - began, cpu_seconds(os.getpid()) - before)


def cost_of_start(sandbox: Sandbox, made: Bundle, limits: Limits) -> Cost:
    with contextlib.ExitStack() as stack:
        return cost(lambda: stack.enter_context(sandbox.start(made, limits=limits, device="cpu")))


def overhead(rounds: int, confined: Sandbox, free: Sandbox) -> None:
    """Median ratios of neighbours, confined and not, by kind of work: on the wall and in processor time."""
    made, limits = bundle(), Limits(threads=1)
    x = np.random.default_rng(0).uniform(-1, 1, (POINTS, 2))
    y = x[:, :1] ** 2
    taken: dict[str, list[list[Cost]]] = {"start": [], "predict": [], "fit": []}
    for number in range(rounds):
        # Whoever is second finds the processor warm: they take turns.
        order = (confined, free) if number % 2 else (free, confined)
        pair = {one: cost_of_start(one, made, limits) for one in order}
        taken["start"].append([pair[confined], pair[free]])
    with (
        confined.start(made, limits=limits, device="cpu") as inside,
        free.start(made, limits=limits, device="cpu") as outside,
    ):
        both = (inside, outside)
        for session in both:
            session.load()
            session.predict(x[:1000])
        acts: dict[str, Callable[[Session], object]] = {
            "predict": lambda session: session.predict(x),
            "fit": lambda session: session.fit(x[:20_000], y[:20_000], Budget(STEPS), 0),
        }
        for number in range(rounds):
            order = both if number % 2 else both[::-1]
            for name, act in acts.items():
                found = {one: cost(partial(act, one)) for one in order}
                taken[name].append([found[one] for one in both])
    print(f"sandbox: {confined.name}, and {free.name}; medians of {rounds} rounds, one thread")
    heads = ("wall", "cpu") * 2
    print(f"{'':>8} {'the one':>17} {'the other':>17} {'ratio':>15} {'quartiles of the ratio':>32}")
    print(f"{'':>8}", *(f"{head:>8}" for head in heads), "   wall     cpu            wall             cpu")
    for name, pairs in taken.items():
        wall, cpu = ([[getattr(one, kind) for one in pair] for pair in pairs] for kind in ("wall", "cpu"))
        row = [
            f"{statistics.median(column):8.3f}"
            for side in (0, 1)
            for column in ([p[side] for p in wall], [p[side] for p in cpu])
        ]
        ratios = [[a / b for a, b in kind] for kind in (wall, cpu)]
        row += [f"{statistics.median(one):7.3f}" for one in ratios]
        row += [_quartiles(one) for one in ratios]
        print(f"{name:>8} {' '.join(row)}")


def _quartiles(values: list[float]) -> str:
    if len(values) < 2:
        return ""
    low, _, high = statistics.quantiles(values, n=4)
    return f"   {low:.3f} .. {high:.3f}"


def museum(groups: list[str]) -> None:
    """Every attack of the groups in each provider that works here; how many of each ended as they must."""
    from tests.support import attack_runner
    from tests.support.providers import EVERY

    sandboxes = {name: providers(strangers=True)[name]() for name in EVERY}
    right = Counter[tuple[str, str, bool]]()
    heads = "".join(f"{name:<34}" for name in sandboxes)
    print(f"{'group':>13}  {'attack':<32} {'expected':<24} {heads}")
    with tempfile.TemporaryDirectory() as folder, attack_runner.host(folder) as host:
        place = Path(folder) / "bundles"
        place.mkdir()
        for attack in attack_runner.attacks():
            if groups and attack.group not in groups:
                continue
            cells = []
            for name, sandbox in sandboxes.items():
                began = time.perf_counter()
                expected = attack.under(name)
                outcome = attack_runner.run(expected, sandbox, place, host)
                good = outcome.verdict == expected.verdict
                right[name, attack.group, good] += 1
                mark = "" if good else "WRONG "
                cells.append(f"{mark}{outcome.verdict}, {time.perf_counter() - began:.1f} s")
            row = "".join(f"{cell:<34}" for cell in cells)
            print(f"{attack.group:>13}  {attack.name:<32} {attack.verdict:<24} {row}", flush=True)
    print("\n| group | " + " | ".join(sandboxes) + " |\n|---|" + "---|" * len(sandboxes))
    for group in sorted({group for _, group, _ in right}):
        counts = (
            f"{right[name, group, True]} of {right[name, group, True] + right[name, group, False]}"
            for name in sandboxes
        )
        print(f"| {group} | " + " | ".join(counts) + " |")


def kills(count: int) -> None:
    from tests.evaluator import test_reaper

    with test_reaper.judging() as judges:
        left = test_reaper.kill_early(judges, count, 0.012, 7)
    print(f"{count} judges killed within 12 ms of a start: {left} left something")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="0: not the overhead")
    parser.add_argument("--sealed", action="store_true", help="sealed against the host's own files")
    parser.add_argument("--museum", action="store_true")
    parser.add_argument("--group", action="append", default=[], help="of the museum; again for more")
    parser.add_argument("--kills", type=int, default=0)
    chosen = parser.parse_args()
    if chosen.rounds:
        sandbox = find_sandbox(allow_unconfined=False)
        overhead(chosen.rounds, sandbox, Bubblewrap(strangers=False) if chosen.sealed else Unconfined())
    if chosen.kills:
        kills(chosen.kills)
    if chosen.museum:
        museum(chosen.group)


if __name__ == "__main__":
    main()
