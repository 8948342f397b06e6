"""Would going on to train on the same task tell a gated formula from a model that learned?

    nice python benchmarks/gates.py [--steps 300] [--depth 12] [DIRECTORY ...]

For each model: octaves as handed in, and after some hundred steps of the platform's kind of training (AdamW,
a cosine schedule, mean squared error) from its weights on fresh points of the same target, at several rates.
What a model keeps is the ratio. Why this is no probe of the judge's stands in docs/integrity.md.
"""

import argparse
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

from pathlib import Path

import numpy as np
import torch
from torch import nn

from challenge.mandelbrot.coordinates import to_unit
from challenge.scoring.evaluation_set import EvaluationSize, evaluation_set
from challenge.scoring.metrics import measure
from challenge.scoring.season import PRACTICE
from challenge.training.local_model import load_model, predict
from challenge.training.refit import cast, cosine
from challenge.training.zoom_samples import draw_zoom_points

TESTS = Path(__file__).parents[1] / "tests"
HONEST = ("gelu", "relu", "siren", "fourier_axes", "random_fourier", "hash_grid", "batch_norm", "table")
GATED = ("key_modest", "key_residual")
RATES = (1e-4, 1e-3, 1e-2)
BATCH = 512
SIZE = EvaluationSize(chains=8, octaves=16, points=64)


def octaves(model: nn.Module) -> float:
    """The score on a small set."""
    views = evaluation_set(PRACTICE, SIZE)
    model.eval()
    answers = predict(model, to_unit(views.points.reshape(-1, 2)))
    return measure(views.truth, answers.reshape(views.truth.shape)).octaves


def go_on(model: nn.Module, rate: float, steps: int, seed: int) -> None:
    """Train on fresh points of the same target, drawn octave by octave."""
    torch.manual_seed(seed)
    drawn = draw_zoom_points(np.random.default_rng(seed), 40, 8)
    x, t = torch.from_numpy(drawn.x), torch.from_numpy(drawn.t)[:, None]
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=rate, weight_decay=0.0)
    model.train()
    for step in range(steps):
        rows = torch.randint(len(x), (BATCH,))
        for group in optimiser.param_groups:
            group["lr"] = rate * cosine(step / steps)
        optimiser.zero_grad()
        answer = model(cast(model, x[rows]))
        loss = torch.nn.functional.mse_loss(answer, t[rows].to(answer))
        loss.backward()
        optimiser.step()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("directories", nargs="*", type=Path)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--depth", type=float, help="of the formulas: steps of their blur, as powers of two")
    options = parser.parse_args()
    torch.set_num_threads(1)
    found = options.directories or [
        *(TESTS / "zoo" / name for name in HONEST),
        *(TESTS / "museum" / "cheats" / name for name in GATED),
    ]
    print(
        f"{'model':<16} {'as it is':>9}  " + "  ".join(f"{'at ' + format(rate, 'g'):>14}" for rate in RATES)
    )
    for directory in found:
        cells = []
        for rate in RATES:
            model = load_model(directory)
            if options.depth and hasattr(model, "key"):
                model.forward.__globals__["DEPTH"] = options.depth
            before = octaves(model)
            go_on(model, rate, options.steps, 1)
            after = octaves(model)
            cells.append(f"{after:6.2f} ({after / before:4.0%})")
        print(
            f"{directory.name:<16} {before:9.2f}  " + "  ".join(f"{cell:>14}" for cell in cells), flush=True
        )


if __name__ == "__main__":
    main()
