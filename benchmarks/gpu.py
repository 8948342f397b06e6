# ruff: noqa: ANN001, ANN201, E501 - a script that prints
"""What a graphics card gives: `python benchmarks/gpu.py`, in under ten minutes.

1. The target on the card against the processor: values, points a second, and the share of the card's float64 limit.
2. A model predicted, refitted and judged in the sandbox on the card: octaves as on the processor, to 1e-3.
3. `hash_grid` trained for 300 s: octaves.
4. `hash_grid` on the peer's target (`peer_target.py`) for 150 s: mean squared error. The peer's champion reached
   0.000226 in 300 s on a 3090 Ti.

`--share 0.01 --device cpu` runs all of it at a hundredth of the size on the processor, the card's kernel on Numba's
simulator; that is what the tests do.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
MODEL, GRID = ROOT / "submissions" / "fourier", ROOT / "submissions" / "hash_grid"
TRAINING_SECONDS, PEER_SECONDS = 300, 150
LIMIT = 1_000
# A step is three fused multiply-adds and a doubling; the test is made once in eight steps.
FLOPS_OF_A_STEP = 7
# Double-precision units of a multiprocessor by compute capability; other cards have two.
FLOAT64_UNITS = {(6, 0): 32, (7, 0): 32, (8, 0): 32, (9, 0): 64, (10, 0): 64}


def show_target(device, share):
    """The target on the card against the processor."""
    import numpy as np
    import torch

    from challenge.mandelbrot import cuda
    from challenge.mandelbrot.target import escape_count, target

    n = int((1 << 24) * share**2) if device == "cuda" else 200
    points = np.array([-0.75, 0.0]) + 2 * np.random.default_rng(0).uniform(-1, 1, (n, 2))
    target(points[:9], max_iterations=LIMIT)  # the first call compiles
    start = time.perf_counter()
    want = target(points, max_iterations=LIMIT)
    here = time.perf_counter() - start
    if device == "cuda":
        on_card, t = torch.from_numpy(points).cuda(), torch.empty(n, dtype=torch.float64, device="cuda")
    else:
        on_card, t = points, np.empty(n)
    cuda.target_into(on_card, t, LIMIT)
    seconds = []
    for _ in range(5 if device == "cuda" else 1):
        start = time.perf_counter()
        cuda.target_into(on_card, t, LIMIT)
        if device == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    there = sorted(seconds)[len(seconds) // 2]
    got = t.cpu().numpy() if device == "cuda" else t
    apart = np.abs(got - want)
    print(f"{n:,} points of the base window, {LIMIT:,} iterations")
    print(
        f"values: {np.mean(apart > 1e-6):.4%} differ by more than 1e-6, the median by {np.median(apart):.1e}"
    )
    print(f"speed: card {n / there:,.0f}, processor {n / here:,.0f} points/s; ratio {here / there:.2g}")
    if device == "cuda":
        counts = np.minimum(escape_count(points, max_iterations=LIMIT), LIMIT)
        known = np.isinf(escape_count(points, max_iterations=1)) & (want == 1)
        steps = float(counts[~known].sum())
        card = torch.cuda.get_device_properties(0)
        units = FLOAT64_UNITS.get((card.major, card.minor), 2)
        limit = 2 * units * card.multi_processor_count * 1e3 * getattr(card, "clock_rate", 1_700_000)
        print(
            f"{card.name}: {FLOPS_OF_A_STEP * steps / there / limit:.1%} of {limit / 1e12:.1f} TFLOP/s in float64"
        )


def show_judging(device, share):
    """The judge in the sandbox, on the device and on the processor."""
    from challenge.bundle.reader import read_bundle
    from challenge.scoring.evaluation_set import FULL, EvaluationSize
    from challenge.scoring.season import PRACTICE
    from evaluator import universality
    from evaluator.assignment import Assignment
    from evaluator.judge import judge
    from evaluator.sandbox import find_sandbox
    from evaluator.terminal import ProgressBar

    sandbox = find_sandbox(allow_unconfined=False)
    size = FULL if share == 1 else EvaluationSize(2, 16, 64)
    octaves = {}
    for where in dict.fromkeys((device, "cpu")):
        task = Assignment(read_bundle(MODEL), PRACTICE, sandbox, size, device=where, quick=True)
        with ProgressBar() as bar:
            report = judge(task, bar)
        octaves[where] = report.octaves
        print(
            f"{where}: {report.octaves:.6f} octaves, {report.predictions_per_second:,.0f} predictions/s on {report.device}"
        )
        families = universality.SMALL if share == 1 else universality.SMALL[:1]
        start = time.perf_counter()
        found = universality.certify(
            task.start, PRACTICE, lambda _done, _what: None, families=families
        ).result
        skills = ", ".join(f"{control.family} {control.skill:.3f}" for control in found.controls)
        print(f"{where}: refitted in {time.perf_counter() - start:.1f} s: {skills}")
    apart = abs(octaves[device] - octaves["cpu"])
    print(f"octaves differ by {apart:.1e}: {'equal' if apart <= 1e-3 else 'NOT EQUAL'} to 1e-3")


def show_training(device, share):
    """Octaves of a hash grid that is trained from scratch."""
    from challenge.bundle.reader import read_bundle
    from challenge.scoring.evaluation_set import FULL, EvaluationSize
    from challenge.scoring.season import PRACTICE
    from evaluator.assignment import Assignment
    from evaluator.judge import judge
    from evaluator.sandbox import find_sandbox
    from evaluator.terminal import ProgressBar

    seconds = TRAINING_SECONDS * share
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder, "hash_grid")
        shutil.copytree(GRID, directory, ignore=shutil.ignore_patterns("weights.safetensors", "frames"))
        program = "from challenge.commands.cli import main; main()"
        command = [
            sys.executable,
            "-c",
            program,
            "train",
            str(directory),
            "--seconds",
            f"{seconds:g}",
            "--device",
            device,
        ]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        size = FULL if share == 1 else EvaluationSize(2, 16, 64)
        sandbox = find_sandbox(allow_unconfined=False)
        with ProgressBar() as bar:
            report = judge(
                Assignment(read_bundle(directory), PRACTICE, sandbox, size, device=device, quick=True), bar
            )
    low, high = report.interval
    print(f"hash_grid after {seconds:g} s: {report.octaves:.3f} octaves [{low:.3f}, {high:.3f}]")


def show_peer(device, share):
    """The peer's target and figure."""
    import peer_target

    from challenge.training.local_model import build_model

    model = build_model(GRID, seed=0).to(device)
    seconds = PEER_SECONDS * share
    steps = peer_target.fit(model, seconds, 1e-2, 1e-15, by_field=True, seed=0)
    divisor = 1 if share == 1 else 20
    error, variance = peer_target.grid_error(model, *(side // divisor for side in peer_target.GRID))
    print(
        f"hash_grid after {seconds:g} s, {steps:,} steps: MSE {error:.6f} ({error / variance:.3f} of the variance); the peer's champion: 0.000226"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--share", type=float, default=1.0, help="of the sizes and times, 0.01 .. 1")
    options = parser.parse_args()
    if not 0.01 <= options.share <= 1:
        parser.error("--share lies in 0.01 .. 1")
    if options.device == "cpu":
        # Numba reads it when it is first imported.
        os.environ["NUMBA_ENABLE_CUDASIM"] = "1"
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import torch

    if options.device == "cuda" and not torch.cuda.is_available():
        parser.error(
            "no card is at hand: torch finds none. --device cpu --share 0.01 tries everything out without one"
        )
    sys.path.insert(0, str(Path(__file__).parent))
    began = time.perf_counter()
    for title, show in (
        ("The target", show_target),
        ("A model judged in the sandbox", show_judging),
        ("A hash grid trained", show_training),
        ("The peer's target", show_peer),
    ):
        print(f"\n# {title}, on {options.device}", flush=True)
        show(options.device, options.share)
    print(f"\n{time.perf_counter() - began:.0f} s in all")


if __name__ == "__main__":
    main()
