"""What confinement costs, and what the attacks get: `python benchmarks/sandbox.py --museum --kills 400`.

The same work is done in bubblewrap and unconfined, interleaved, and the median of the ratios is taken:
seconds of a start, of a prediction and of a fit. With --museum every attack is judged, in a table; with
--kills that many judges are killed within the first milliseconds of a start, and what is left is counted.
"""

import argparse
import importlib.util
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from safetensors.torch import save
from torch import nn

from challenge.bundle import Bundle, Manifest
from challenge.training import Budget
from evaluator.limits import Limits
from evaluator.sandbox import Sandbox, Unconfined, find_sandbox

ROOT = Path(__file__).parents[1]
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


def seconds_of_start(sandbox: Sandbox, made: Bundle, limits: Limits) -> float:
    began = time.perf_counter()
    with sandbox.start(made, limits=limits, device="cpu"):
        return time.perf_counter() - began


def seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def overhead(rounds: int) -> None:
    """Median seconds of each kind of work, confined and not, and the median of the ratios of neighbours."""
    confined, free = find_sandbox(allow_unconfined=False), Unconfined()
    made, limits = bundle(), Limits(threads=1)
    x = np.random.default_rng(0).uniform(-1, 1, (POINTS, 2))
    y = x[:, :1] ** 2
    taken = {"start": [], "predict": [], "fit": []}
    for _ in range(rounds):
        taken["start"].append([seconds_of_start(one, made, limits) for one in (confined, free)])
    with (
        confined.start(made, limits=limits, device="cpu") as inside,
        free.start(made, limits=limits, device="cpu") as outside,
    ):
        both = (inside, outside)
        for session in both:
            session.load()
            session.predict(x[:1000])
        for number in range(rounds):
            # Whoever is second finds the processor warm: they take turns.
            order = both if number % 2 else both[::-1]
            pair = {session: seconds(lambda s=session: s.predict(x)) for session in order}
            taken["predict"].append([pair[session] for session in both])
            pair = {
                session: seconds(lambda s=session: s.fit(x[:20_000], y[:20_000], Budget(STEPS), 0))
                for session in order
            }
            taken["fit"].append([pair[session] for session in both])
    print(f"sandbox: {confined.name}; {rounds} rounds, one thread")
    print(f"{'':>8} {'confined':>10} {'free':>10} {'ratio':>8}")
    for name, pairs in taken.items():
        inside, outside = (statistics.median(column) for column in zip(*pairs, strict=True))
        ratio = statistics.median(a / b for a, b in pairs)
        print(f"{name:>8} {inside:>9.3f}s {outside:>9.3f}s {ratio:>8.3f}")


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def museum() -> None:
    gallery = load(ROOT / "tests" / "museum" / "gallery.py")
    sandbox = find_sandbox(allow_unconfined=False)
    right = Counter()
    with tempfile.TemporaryDirectory() as folder, gallery.host(folder) as host:
        place = Path(folder) / "bundles"
        place.mkdir()
        for attack in gallery.attacks():
            began = time.perf_counter()
            outcome = gallery.run(attack, sandbox, place, host)
            good = outcome.verdict == attack.verdict
            right[attack.group, good] += 1
            mark = "" if good else f"  instead of {attack.verdict}"
            print(
                f"{attack.group:>13}  {attack.name:<32} {outcome.verdict:<24}"
                f"{time.perf_counter() - began:6.1f} s{mark}",
                flush=True,
            )
    groups = sorted({group for group, _ in right})
    for group in groups:
        print(f"{group:>13}  {right[group, True]} of {right[group, True] + right[group, False]} as they must")


def kills(count: int) -> None:
    keeper = load(ROOT / "tests" / "evaluator" / "test_keeper.py")
    with keeper.judging() as judges:
        left = keeper.kill_early(judges, count, 0.012, 7)
    print(f"{count} judges killed within 12 ms of a start: {left} left something")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--museum", action="store_true")
    parser.add_argument("--kills", type=int, default=0)
    chosen = parser.parse_args()
    overhead(chosen.rounds)
    if chosen.kills:
        kills(chosen.kills)
    if chosen.museum:
        museum()


if __name__ == "__main__":
    main()
