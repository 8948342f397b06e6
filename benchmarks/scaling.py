# ruff: noqa: ANN001, ANN201, ANN202 - a script that measures
"""Octaves against samples, parameters and seconds, for five kinds of networks: the data of /learn/scaling.

    python benchmarks/scaling.py --out leaderboard/static/learn/scaling.json
    python benchmarks/scaling.py --axes seconds --out ...    # this axis alone, into a file that is there
    python benchmarks/scaling.py --steps 50 --chains 4       # a quick look

Every run trains by the same rule (Adam, cosine decay, batches of 2,048, views of every octave alike) and is
measured on the same views of the practice season. One seed: a figure is known to about 0.2 octaves. Seconds
are processor seconds of one thread.
"""

import argparse
import json
import math
import os
import time
from itertools import pairwise
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch
from torch import nn

from challenge.mandelbrot.coordinates import to_unit
from challenge.scoring.evaluation_set import EvaluationSize, evaluation_set
from challenge.scoring.metrics import measure
from challenge.scoring.season import PRACTICE
from challenge.training.local_model import load_build
from challenge.training.refit import cosine
from challenge.training.zoom_samples import draw_zoom_points

BATCH = 2048
DEEPEST = 11
ALL = 1 << 20
SAMPLES = [1 << k for k in (10, 12, 14, 16, 18, 20)]
WIDTHS = [16, 32, 64, 128, 256]
# Shares of the usual number of steps; each run has a schedule of its own.
SHARES = [1 / 48, 1 / 16, 1 / 5, 1 / 2, 1]
AXES = ("samples", "parameters", "seconds", "frozen")
LEARNING_RATE = 3e-3
LEAST_VARIANCE = 1e-2


def _hash_grid():
    folder = Path(__file__).parents[1] / "submissions" / "hash_grid"
    return load_build(folder).__globals__["HashGrid"]


class Features(nn.Module):
    """A fixed map of two inputs, beside the inputs."""

    def __init__(self, kind) -> None:
        super().__init__()
        self.kind = kind
        self.register_buffer("orders", math.pi * torch.arange(1, 65.0))
        angle, length = 2 * math.pi * torch.rand(128), 2 ** (7.5 * torch.rand(128) - 1)
        waves = 2 * math.pi * length * torch.stack([angle.cos(), angle.sin()])
        self.register_buffer("waves", waves)
        self.out_features = {"plain": 2, "taylor": 90, "fourier": 258, "random": 258}[kind]

    def forward(self, x):
        if self.kind == "taylor":
            powers = [x[:, :1] ** a * x[:, 1:] ** (n - a) for n in range(1, 13) for a in range(n + 1)]
            return torch.cat(powers, 1)
        if self.kind == "fourier":
            angles = (x[:, :, None] * self.orders).flatten(1)
            return torch.cat([x, angles.cos(), angles.sin()], 1)
        if self.kind == "random":
            return torch.cat([x, (x @ self.waves).cos(), (x @ self.waves).sin()], 1)
        return x


def build(kind, width):
    """Features and three hidden layers; the grid's table grows with the width, its network does not."""
    if kind == "grid":
        features = _hash_grid()(2, levels=10, coarsest=4, finest=2048, entries=8 * width * width)
        width = 64
    else:
        features = Features(kind)
    sizes = [features.out_features, width, width, width]
    layers = [layer for a, b in pairwise(sizes) for layer in (nn.Linear(a, b), nn.GELU())]
    return nn.Sequential(features, *layers, nn.Linear(width, 1))


class Study:
    """One stock of samples and one set of views for all runs."""

    def __init__(self, chains, steps) -> None:
        self.steps = steps
        self.views = evaluation_set(PRACTICE, EvaluationSize(chains, 32, 128))
        self.asked = torch.from_numpy(to_unit(self.views.points.reshape(-1, 2))).float()
        found = draw_zoom_points(np.random.default_rng(1), ALL // (128 * (DEEPEST + 1)) + 1, DEEPEST)
        self.x, self.t = torch.from_numpy(found.x).float(), torch.from_numpy(found.t).float()[:, None]
        self.weight = torch.from_numpy(1 / np.maximum(found.variance, LEAST_VARIANCE)).float()[:, None]

    def octaves(self, model):
        with torch.no_grad():
            answers = torch.cat([model(x) for x in torch.split(self.asked, 16_384)]).double().numpy()
        return float(measure(self.views.truth, answers.reshape(self.views.truth.shape)).octaves)

    def run(self, kind, width, samples, frozen=False, share=1.0):
        """Train once, and measure."""
        torch.manual_seed(0)
        model = build(kind, width)
        if frozen:
            model.requires_grad_(False)
            model[-1].requires_grad_(True)
        parameters = [p for p in model.parameters() if p.requires_grad]
        optimiser = torch.optim.Adam(parameters, lr=LEARNING_RATE)
        draw, count = torch.Generator().manual_seed(1), min(samples, len(self.x))
        steps = max(1, round(share * self.steps))
        began = time.process_time()
        for step in range(steps):
            for group in optimiser.param_groups:
                group["lr"] = LEARNING_RATE * cosine(step / steps)
            rows = torch.randint(count, (BATCH,), generator=draw)
            loss = (self.weight[rows] * (model(self.x[rows]) - self.t[rows]) ** 2).mean()
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
        seconds = time.process_time() - began
        trained, octaves = sum(p.numel() for p in parameters), round(self.octaves(model), 3)
        return {"kind": kind, "width": width, "samples": count, "parameters": trained, "steps": steps,
                "seconds": round(seconds, 2), "octaves": octaves, "frozen": frozen}  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--chains", type=int, default=16)
    parser.add_argument("--kinds", nargs="+", default=["plain", "taylor", "fourier", "random", "grid"])
    parser.add_argument("--axes", nargs="+", default=AXES, choices=AXES)
    wanted = parser.parse_args()
    torch.set_num_threads(1)
    study, rows = Study(wanted.chains, wanted.steps), []
    for kind in wanted.kinds:
        for axis, jobs in {
            "samples": [{"width": 64, "samples": n} for n in SAMPLES],
            "parameters": [{"width": w, "samples": ALL} for w in WIDTHS],
            "seconds": [{"width": 64, "samples": ALL, "share": share} for share in SHARES],
            "frozen": [{"width": w, "samples": ALL, "frozen": True} for w in (64, 256) if kind != "grid"],
        }.items():
            for job in jobs if axis in wanted.axes else ():
                rows.append({"axis": axis} | study.run(kind, **job))
                print(rows[-1], flush=True)
    if wanted.out:
        if wanted.out.exists():
            # What was measured of the other axes stays.
            rows += [
                row for row in json.loads(wanted.out.read_text())["runs"] if row["axis"] not in wanted.axes
            ]
        study = {"steps": wanted.steps, "batch": BATCH, "runs": rows}
        wanted.out.write_text(json.dumps(study, indent=1) + "\n")


if __name__ == "__main__":
    main()
