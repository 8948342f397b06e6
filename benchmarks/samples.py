"""The samples track measured: do octaves mean the same on warped targets, and who learns most?

    python benchmarks/samples.py same [STEPS]     reference kinds on the Mandelbrot set and on warps of it
    python benchmarks/samples.py kinds [SECONDS [KIND ...]]   reference kinds on the practice season's targets

`same` trains with the platform's trainer for a number of steps, so that it can run on a busy machine.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from challenge.bundle.reader import read_bundle
from challenge.mandelbrot.coordinates import CENTRE, HALF_WIDTH
from challenge.scoring.metrics import measure
from challenge.scoring.season import PRACTICE, Season
from challenge.targets import SIZE, draw_target, target_views, training_samples
from challenge.targets.maps import Mandelbrot
from challenge.targets.recolouring import Recolouring
from challenge.targets.roughness import Roughness
from challenge.targets.target import Target, Window
from challenge.targets.warp import draw_warp
from challenge.training.local_model import build_model, predict
from challenge.training.refit import Budget, train

REFERENCES = Path(__file__).parents[1] / "submissions"
KINDS = ("mlp", "fourier", "hash_grid")
WARPED = 3
LEARNERS = ("quadtree", "random_fourier", "siren", *KINDS)


def plain() -> Target:
    """The Mandelbrot set as it is: nothing warped, nothing recoloured."""
    still = draw_warp(np.random.default_rng(0), 0.0)
    return Target(
        "plain", Mandelbrot(), Window(CENTRE, HALF_WIDTH), still, Roughness(0, 0.0), Recolouring((1.0, 1.0))
    )


def same(steps: int) -> None:
    torch.set_num_threads(1)
    seasons = [PRACTICE, *(Season(str(i), bytes([i]) * 32) for i in range(1, WARPED))]
    targets = [(PRACTICE, plain()), *((season, draw_target(season, "mandelbrot")) for season in seasons)]
    sets = [(training_samples(s, t), target_views(s, t)) for s, t in targets]
    print(f"octaves after {steps} steps on 2^20 samples: the set itself, and {WARPED} warps of it")
    for kind in KINDS:
        found = []
        for samples, views in sets:
            model = build_model(REFERENCES / kind)
            train(model, torch.from_numpy(samples.x), torch.from_numpy(samples.t)[:, None], Budget(steps))
            flat = predict(model, views.points.reshape(-1, 2))
            scores = measure(views.truth, flat.reshape(views.truth.shape))
            found.append(scores)
            low, high = scores.interval
            print(f"  {kind:10} {scores.octaves:.2f}  [{low:.2f}, {high:.2f}]", flush=True)
        away = [f"{one.octaves - found[0].octaves:+.2f}" for one in found[1:]]
        print(f"  {kind:10} warped - plain: {', '.join(away)}", flush=True)


def kinds(seconds: float, names: Sequence[str]) -> None:
    from evaluator.plan import EvaluationPlan
    from evaluator.samples_track.judge import judge_samples
    from evaluator.samples_track.task import SamplesTask
    from evaluator.sandbox import find_sandbox
    from evaluator.terminal import ProgressBar

    for kind in names:
        bundle = read_bundle(REFERENCES / kind, trained=False)
        task = SamplesTask(
            bundle,
            PRACTICE,
            find_sandbox(allow_unconfined=True),
            EvaluationPlan.samples_track(SIZE, quick=True, pictures=False),
            seconds=seconds,
        )
        with ProgressBar() as bar:
            report = judge_samples(task, bar)
        each = "  ".join(f"{one.kind} {one.octaves:.2f}" for one in report.targets)
        low, high = report.interval
        print(f"{kind:10} {report.octaves:.3f} [{low:.2f}, {high:.2f}]  {each}", flush=True)


if __name__ == "__main__":
    what, *rest = sys.argv[1:] or ["same"]
    if what == "same":
        same(int(rest[0]) if rest else 2000)
    elif what == "kinds":
        kinds(float(rest[0]) if rest else 120.0, rest[1:] or LEARNERS)
    else:
        sys.exit(__doc__)
