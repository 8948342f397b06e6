# ruff: noqa: ANN001, ANN201, ANN202 - a script that prints
"""The video author's own harness, from its description: how well does each kind do on its target?

Its target is a periodic function of the log distance to the set, on the window -2.65..1.15 x -1.2..1.2 after
200 iterations; its figure is the mean squared error on a 3840 x 2425 grid after 300 s of training on a GPU.
There a plain network reached 0.0033, and its champion (a hash grid of 2^24 entries, points drawn by an error
field) 0.000226. The period and phase are not known to us; here they are one wave for each halving of the
distance, so figures compare our kinds with each other, and with the harness only in their order of magnitude.

    python benchmarks/peer_target.py mlp fourier hash_grid --seconds 300
    python benchmarks/peer_target.py hash_grid --sampling uniform --seconds 300
"""

import argparse
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# Before torch is imported: threads that spin for each other take many times as long on a busy machine.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch

from challenge.mandelbrot.target import distance
from challenge.scoring.metrics import errors
from challenge.training.batches import ErrorField
from challenge.training.local_model import build_model, predict
from challenge.training.refit import cast, cosine

SUBMISSIONS = Path(__file__).parents[1] / "submissions"
LOW, HIGH = np.array([-2.65, -1.2]), np.array([1.15, 1.2])
ITERATIONS = 200
GRID = 3840, 2425
POOL = 200_000
BATCH = 16_384
# Beyond this the picture is one colour, as where nothing has escaped.
NEAREST = 1e-12


def truth(unit):
    """One wave for each halving of the distance estimate, 0 inside: (n,) at unit points (n, 2)."""
    far = distance(LOW + (unit + 1) / 2 * (HIGH - LOW), max_iterations=ITERATIONS)
    waves = 0.5 + 0.5 * np.sin(2 * np.pi * np.log2(np.maximum(far, NEAREST)))
    return np.where(far > 0, waves, 0.0)


def draw(field, generator):
    x = ErrorField.draw(field.mean.copy(), generator, POOL)
    return torch.from_numpy(x), torch.from_numpy(truth(x))[:, None]


def gradient(model, rate, epsilon):
    """AdamW along a cosine: a step on x and t at a share of the time, which returns the errors before it."""
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.0, eps=epsilon)

    def step(x, t, done):
        for group in optimiser.param_groups:
            group["lr"] = rate * cosine(min(done, 1.0))
        answer = model(x)
        wrong = answer - t.to(answer.device, answer.dtype)
        optimiser.zero_grad(set_to_none=True)
        wrong.square().mean().backward()
        optimiser.step()
        return wrong.detach()

    return step


def own(model):
    """The model's own learner, as `mbc train` uses it."""
    learner = model.learner()

    def step(x, t, done):
        with torch.no_grad():
            return learner.step(x, t.to(x), torch.ones_like(x[:, 0]), done)

    return step


def fit(model, seconds, rate, epsilon, by_field, seed):
    """Train for so many seconds of the clock, drawing the next points in a thread; how many steps it was."""
    field, generator = ErrorField(), np.random.default_rng(seed)
    step = gradient(model, rate, epsilon) if not hasattr(model, "learner") else own(model)
    model.train()
    steps = 0
    with ThreadPoolExecutor(1) as drawer:
        pool = draw(field, generator)
        began = time.monotonic()
        while (done := (time.monotonic() - began) / seconds) < 1:
            if not by_field:
                field.mean[:] = 1
            ahead = drawer.submit(draw, field, generator)
            for rows in torch.split(torch.randperm(POOL), BATCH):
                x = pool[0][rows]
                wrong = step(cast(model, x), pool[1][rows], done)
                field.update(x.numpy(), wrong.abs()[:, 0].double().cpu().numpy())
                steps += 1
                done = (time.monotonic() - began) / seconds
                if done >= 1:
                    break
            pool = ahead.result()
    model.eval()
    return steps


def grid_error(model, columns, rows):
    """Mean squared error on the grid, and the variance of the truth there."""
    x = (np.arange(columns) + 0.5) / columns * 2 - 1
    total, first, second = 0.0, 0.0, 0.0
    for y in (np.arange(rows) + 0.5) / rows * 2 - 1:
        points = np.stack([x, np.full_like(x, y)], axis=1)
        t = truth(points)
        total += (errors(t, predict(model, points)) ** 2).sum()
        first, second = first + t.sum(), second + (t**2).sum()
    count = columns * rows
    return total / count, second / count - (first / count) ** 2


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("kinds", nargs="+")
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--sampling", choices=["uniform", "error-field"], default="error-field")
    parser.add_argument("--quick", action="store_true", help="a grid of a tenth the side")
    options = parser.parse_args()
    columns, rows = (side // 10 for side in GRID) if options.quick else GRID
    device = "cuda" if torch.cuda.is_available() else "cpu"
    print(f"{options.seconds:g} s each on {device}, {torch.get_num_threads()} threads, {options.sampling}")
    print(f"{'kind':<16}{'numbers':>12}{'steps':>9}{'MSE':>12}{'of the best':>13}{'of variance':>13}")
    results = []
    for kind in options.kinds:
        model = build_model(SUBMISSIONS / kind, seed=0).to(device)
        grid = "grid" in kind
        steps = fit(
            model,
            options.seconds,
            1e-2 if grid else 3e-3,
            1e-15 if grid else 1e-8,
            options.sampling == "error-field",
            0,
        )
        error, variance = grid_error(model, columns, rows)
        numbers = sum(tensor.numel() for tensor in model.state_dict().values())
        results.append((kind, numbers, steps, error, error / variance))
    best = min(error for *_, error, _ in results)
    for kind, parameters, steps, error, share in sorted(results, key=lambda result: result[3]):
        print(f"{kind:<16}{parameters:>12,}{steps:>9,}{error:>12.3e}{error / best:>13.2f}{share:>13.3f}")


if __name__ == "__main__":
    main()
