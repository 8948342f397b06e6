"""Bundles and reports that look like real ones, made in no time: nothing is trained or judged."""

import io
import json
import struct
import zipfile

import numpy as np

from challenge.scoring.metrics import depth, interval
from challenge.scoring.tracks import Track

MODEL = '''"""A network on per-axis Fourier features, with the raw inputs kept beside them."""

import math

import torch
from torch import nn


class Features(nn.Module):
    """sin and cos of each input at doubling frequencies; fewer orders in higher dimensions."""

    def __init__(self, in_features: int, orders: int = 8) -> None:
        super().__init__()
        orders = max(1, min(orders, 128 // in_features))
        self.register_buffer("frequency", math.pi * 2.0 ** torch.arange(orders))

    def forward(self, x):
        angle = x[..., None] * self.frequency  # (n, in, orders)
        return torch.cat([x, angle.sin().flatten(1), angle.cos().flatten(1)], dim=1)


def build(in_features: int, out_features: int) -> nn.Module:
    features = Features(in_features)
    width = in_features * (2 * len(features.frequency) + 1)
    return nn.Sequential(
        features,
        nn.Linear(width, 256), nn.GELU(),
        nn.Linear(256, 256), nn.GELU(),
        nn.Linear(256, out_features),
    )
'''

README = """# {name}

Features at *doubling* frequencies and a small network behind them.

| octaves | seconds |
|---|---|
| 5.0 | 20 |
| 7.2 | 60 |

- the raw inputs stay beside the features, so that **other data** is learned as well
- trained with the platform's own trainer; see [the recipe](https://example.org/recipe)
"""


def safetensors(values=16):
    header = json.dumps(
        {"net.weight": {"dtype": "F32", "shape": [values], "data_offsets": [0, 4 * values]}}
    ).encode()
    header += b" " * (-len(header) % 8)
    return struct.pack("<Q", len(header)) + header + b"\0" * (4 * values)


def bundle_bytes(
    name="one", author="Ada", *, model=MODEL, readme="", values=16, weights=None, extra=None, **fields
):
    lines = {"name": name, "author": author, "description": "A test.", **fields}
    manifest = "api = 1\n" + "".join(f"{k} = {json.dumps(v, ensure_ascii=False)}\n" for k, v in lines.items())
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("submission.toml", manifest)
        archive.writestr("model.py", model)
        archive.writestr("weights.safetensors", safetensors(values) if weights is None else weights)
        if readme:
            archive.writestr("README.md", readme)
        for member, content in (extra or {}).items():
            archive.writestr(member, content)
    return buffer.getvalue()


def skills(octaves, seed=0, chains=64, octave_count=32, width=1.3):
    """(chains, octaves) skills whose means fall like a model's and sum to about `octaves`."""
    random = np.random.default_rng(seed)
    common = np.random.default_rng(7).normal(0, 0.45, (chains, 1))
    k = np.arange(octave_count)
    middle = octaves - 0.5 + common + random.normal(0, 0.12, (chains, 1))
    return np.clip(
        1 / (1 + np.exp((k - middle) / width)) + random.normal(0, 0.015, (chains, octave_count)), 0, 1
    )


def report(
    season,
    by_chain,
    *,
    verdict="scored",
    sentence="",
    universal=True,
    flagged=False,
    formula=False,
    size=270_000,
    **changes,
):
    names = [
        ("curve", 1, 1, "regression"),
        ("picture, grey", 2, 1, "regression"),
        ("picture, colour", 2, 3, "regression"),
        ("surface (spiral shell)", 2, 3, "regression"),
        ("friedman", 10, 1, "regression"),
        ("digits", 64, 10, "classification"),
    ]
    controls = []
    for index, (name, n, m, task) in enumerate(names):
        passed = universal or index == 0
        reference = 0.93 - 0.04 * index
        skill = reference * (1.02 - 0.03 * index) if passed else reference * 0.31
        controls.append(
            {
                "name": name,
                "family": name.split()[0],
                "in_features": n,
                "out_features": m,
                "task": task,
                "skill": skill,
                "refits": [skill] if passed else [skill, skill * 0.98, skill * 1.02],
                "reference": reference,
                "bar": reference / 2,
                "passed": passed,
            }
        )
    mean = by_chain.mean(axis=0)
    return {
        "season": season.name,
        "commitment": season.commitment,
        "octaves": float(mean.sum()),
        "interval": list(interval(by_chain.sum(axis=1))),
        "depth": depth(mean),
        "precision_db": 14.0 + 1.9 * float(mean.sum()),
        "skill": mean.tolist(),
        "skill_by_chain": by_chain.tolist(),
        "universality": {
            "passed": universal,
            "score": float(np.mean([min(1, c["skill"] / c["reference"]) for c in controls])),
            "controls": controls,
        },
        "integrity": {
            "passed": not formula,
            "flagged": flagged,
            "probes": [
                {
                    "name": "scramble",
                    "figure": 0.8 if formula else 0.09,
                    "threshold": 0.55,
                    "passed": not formula,
                    "flagged": False,
                    "sentence": "With its weights shuffled it still draws the set: median r² 0.80."
                    if formula
                    else "With its weights shuffled it loses the set: median r² 0.09.",
                },
                {
                    "name": "same machine",
                    "figure": 0.0,
                    "threshold": 0.0,
                    "passed": True,
                    "flagged": False,
                    "sentence": "The weights load strictly into the build that was tested.",
                },
                {
                    "name": "consistency",
                    "figure": 0.0,
                    "threshold": 1e-5,
                    "passed": True,
                    "flagged": False,
                    "sentence": "Permuted and in other batches, the same points got the same answers.",
                },
                {
                    "name": "capacity",
                    "figure": 9.1 if not flagged else 14.2,
                    "threshold": 12.1,
                    "passed": True,
                    "flagged": flagged,
                    "sentence": "Octaves against what its size would lead one to expect.",
                },
            ],
        },
        "parameters": size // 4,
        "bytes": size,
        "weight_class": "light",
        "predictions_per_second": 2.4e6,
        "device": "cpu",
        "sandbox": "bubblewrap",
        "verdict": verdict,
        "sentence": sentence,
        "seconds": 84.2,
        "timings": {"predict": 12.0, "controls": 60.0},
        "version": 1,
        **changes,
    }


def samples_report(
    season, octaves, seed=0, *, machine="cpu", verdict="scored", sentence="", killed=False, **changes
):
    """What a worker posts of the samples track: three targets, the mean of which is about `octaves`."""
    size = season.size(Track.SAMPLES)
    each = [
        skills(max(0.3, octaves + shift), 3 * seed + k, size.chains, size.octaves, 1.6)
        for k, shift in enumerate((0.6, 0.3, -0.9))
    ]
    mean = np.mean(each, axis=0)
    budget = season.budgets[machine]
    targets = []
    for kind, by_chain in zip(("mandelbrot", "cousin", "polynomial"), each, strict=True):
        cut = killed and kind == "cousin"
        targets.append(
            {
                "kind": kind,
                "name": "" if season.ranked else f"{kind} of the practice season",
                **figures(by_chain),
                "seconds": budget * (1.1 if cut else 1.0),
                "ended": "killed" if cut else "returned",
                "reason": "time_exceeded" if cut else "",
                "judged_on": budget * (0.97 if cut else 1.0),
                "checkpoints": 31,
                "losses": [],
                "film": [budget * share for share in (0.03, 0.1, 0.3, 0.6, 1.0)],
            }
        )
    whole = report(season, mean, verdict=verdict, sentence=sentence, universal=verdict == "scored")
    for name in ("integrity", "weight_class"):
        del whole[name]
    return whole | {
        "targets": targets,
        "samples": season.samples,
        "budget_seconds": budget,
        "calibration": {
            "machine": machine,
            "seconds": 0.00151,
            "reference": 0.00137,
            "factor": 0.00151 / 0.00137,
        },
        "bytes": 4_210,
        "device": "cuda" if machine == "gpu" else "cpu",
        "seconds": 412.7,
        "track": "samples",
        **changes,
    }


def figures(by_chain):
    mean = by_chain.mean(axis=0)
    return {
        "octaves": float(mean.sum()),
        "interval": list(interval(by_chain.sum(axis=1))),
        "depth": depth(mean),
        "precision_db": 20.0,
        "skill": mean.tolist(),
        "skill_by_chain": by_chain.tolist(),
    }
