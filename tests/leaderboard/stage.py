"""Fills a data directory with a lively board, to look at: `python tests/leaderboard/stage.py DIR`."""

import importlib.util
import io
import json
import struct
import sys
import zipfile
from pathlib import Path

import numpy as np

from challenge.scoring.metrics import depth, interval
from challenge.scoring.tracks import Track
from leaderboard import db
from leaderboard.app import make_directories
from leaderboard.config import Config
from leaderboard.files import write_file
from leaderboard.images.untrusted import rewrite
from leaderboard.models import Evaluation, Submission
from leaderboard.services import artifacts, evaluations, seasons, submission_intake, tokens

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


def lessons(config, evaluation):
    """Pictures of three targets as they were learned, and losses."""
    from challenge.imaging.pictures import error_image, model_image
    from challenge.results.result_visuals import Evidence, Plot, Series

    x, y = np.meshgrid(np.linspace(-2, 2, 128), np.linspace(2, -2, 128))
    plots = []
    for target, power in ((1, 2), (2, 3), (3, 4)):
        z, c = np.zeros_like(x + 1j * y), x + 0.12 * np.sin(3 * y) - 0.4 + 1j * (y + 0.1 * np.cos(2 * x))
        count = np.zeros(x.shape)
        for _ in range(60):
            inside = np.abs(z) < 4
            z[inside] = z[inside] ** power + c[inside]
            count += inside
        truth = (count / 60).ravel()
        for frame in range(5):
            learned = blurred(truth.reshape(128, 128), 9 / (1 + 2 * frame)).ravel()
            keep_picture(
                config, evaluation, f"samples/{target}/film-{frame:02}.png", model_image(truth, learned)
            )
        keep_picture(config, evaluation, f"samples/{target}/truth.png", model_image(truth, truth))
        keep_picture(config, evaluation, f"samples/{target}/error.png", error_image(truth, learned))
        seconds = np.linspace(0.5, 120, 60)
        loss = -1.2 - 1.6 * (seconds / 120) ** 0.5 + 0.04 * np.sin(seconds)
        series = Series(f"Multibrot set of degree {power}", tuple(seconds.tolist()), tuple(loss.tolist()))
        plots.append(Plot(f"target {target}", "seconds", "log₁₀ of its loss", (series,)))
    artifacts.save_evidence(config, evaluation.id, Evidence(plots=tuple(plots)).to_json().encode())


def blurred(grid, sigma):
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(grid, sigma, mode="nearest")


def keep_picture(config, evaluation, name, image):
    from challenge.imaging.pictures import png_bytes

    artifacts.check_samples_name(name)
    write_file(artifacts.path_of(config, evaluation.id, name), rewrite(png_bytes(image)))


PEOPLE = (
    ("hash grid", "the platform", "multi-resolution hash grid", 8.31, True, "MIT", {}),
    ("fourier", "the platform", "per-axis Fourier features", 7.22, True, "MIT", {}),
    ("mlp", "the platform", "GELU network", 5.03, True, "MIT", {}),
    (
        "linear",
        "the platform",
        "one linear layer",
        0.42,
        True,
        "MIT",
        {
            "verdict": "rejected",
            "universal": False,
            "sentence": "5 of 6 controls stayed below their bars in all three refits.",
        },
    ),
    ("Seepferdchen", "Mira Albrecht", "wavelet grid with learned scales", 11.64, False, "Apache-2.0", {}),
    ("spiral-siren-v3", "J. Okonkwo", "SIREN, 5 layers, curriculum by octave", 9.87, False, "", {}),
    ("Kolmogorov kitchen", "Team Elephant Valley", "KAN with spline bases", 8.24, False, "MIT", {}),
    (
        "octree-of-experts",
        "li.wen",
        "sparse mixture over an octree",
        9.79,
        False,
        "CC-BY-4.0",
        {"flagged": True},
    ),
    (
        "forty-iterations",
        "N. N.",
        "residual network",
        14.2,
        False,
        "MIT",
        {"verdict": "rejected", "formula": True, "sentence": "A probe found more than was learned."},
    ),
)


def enter(writers, config, folder, user, name, author, method, octaves, seed, licence="", **changes):
    path = folder / "stage.zip"
    path.unlink(missing_ok=True)
    path.write_bytes(
        bundle_bytes(
            name,
            author,
            method=method,
            license=licence,
            values=5000 + 9000 * seed,
            extra=load("proof").film() if changes.get("pictures") else None,
            readme=README.format(name=name),
            description=f"{method[0].upper()}{method[1:]}, trained for an hour on sixteen million samples.",
        )
    )
    evaluation_id = submit(writers, config, path, user)
    with writers.begin() as session:
        evaluation = evaluations.get(session, evaluation_id)
        worker = tokens.find_token(session, tokens.new_token(session, None))
        claim = evaluations.claim(session, config, evaluation.id, worker)
        by_chain = skills(octaves, seed)
        if changes.pop("pictures", False):
            draw(session, config, evaluation, by_chain.mean(axis=0))
        made = report(evaluation.season, by_chain, **changes)
        shown = load("proof").evidence(made, formula=changes.get("formula", False))
        artifacts.save_evidence(config, evaluation.id, shown.to_json().encode())
        evaluations.record_report(session, evaluation.id, claim.lease, made)


def submit(writers, config, path, user):
    """Hand in a bundle of a user, made where there is none; the id of its evaluation."""
    with writers.begin() as session:
        owner = tokens.ensure_user(session, user, reference=user == "reference")
    (evaluation_id,) = submission_intake.submit_bundle(writers, None, config, owner, path).queued
    return evaluation_id


def load(name):
    """A module beside this one: test folders are not packages."""
    spec = importlib.util.spec_from_file_location(
        f"leaderboard_{name}", Path(__file__).with_name(f"{name}.py")
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def draw(session, config, evaluation, skill):
    """A model that blurs the truth where its skill is low."""
    from scipy.ndimage import gaussian_filter

    from challenge.imaging.pictures import error_image, model_image, png_bytes, truth_values
    from challenge.scoring.places import PLACES

    side = 192
    for place in PLACES:
        for octave in place.octaves:
            truth = truth_values(place, octave, side)
            sigma = 0.4 + 30 * (1 - skill[octave]) ** 2
            grid = truth.reshape(side, side)
            model = gaussian_filter(grid, sigma, mode="nearest") * (
                0.3 + 0.7 * skill[octave]
            ) + grid.mean() * 0.7 * (1 - skill[octave])
            for kind, image in (
                ("model", model_image(truth, model.ravel())),
                ("error", error_image(truth, model.ravel())),
            ):
                clean = rewrite(png_bytes(image, 256))
                artifacts.save(session, config, evaluation.id, f"{place.slug}/{octave:02d}/{kind}.png", clean)


def watch(writers, config):
    """What became of some of them on the samples track, one of them on the practice season's targets."""
    from datetime import timedelta

    with writers.begin() as session:
        named = {row.name: row for row in session.query(Submission)}
        open_season, practice = seasons.current_season(session), seasons.find_season(session, "practice")
        for row in session.query(Evaluation).filter(Evaluation.finished_at.is_(None)):
            # Nothing more urgent waits, as far as these claims are concerned.
            row.send_at, row.sent_at = row.send_at + timedelta(days=1), None
        for age, name in enumerate(named):
            named[name].created_at -= timedelta(hours=13 * (len(named) - age))
        worker = tokens.find_token(session, tokens.new_token(session, None))
        results = (
            ("hash grid", open_season, 6.2, {}),
            ("fourier", open_season, 4.4, {}),
            ("mlp", open_season, 3.7, {}),
            ("Seepferdchen", open_season, 7.9, {"killed": True}),
            ("spiral-siren-v3", open_season, 6.3, {}),
            (
                "Kolmogorov kitchen",
                open_season,
                5.1,
                {"verdict": "rejected", "sentence": "It did not learn digits."},
            ),
            ("octree-of-experts", open_season, 8.4, {"machine": "gpu"}),
            ("linear", practice, 0.6, {"killed": True}),
        )
        for seed, (name, season, octaves, changes) in enumerate(results):
            evaluation = evaluations.queue_evaluation(session, named[name], season, Track.SAMPLES)
            claim = evaluations.claim(session, config, evaluation.id, worker)
            lessons(config, evaluation)
            made = samples_report(season, octaves, seed, **changes)
            evaluations.record_report(session, evaluation.id, claim.lease, made)
        live = evaluations.queue_evaluation(session, named["octree-of-experts"], open_season, Track.SAMPLES)
        live.send_at = None
        live.status, live.progress, live.message = "refitting", 0.43, "target 2 of 3: 41 of 132 s"
        evaluations.queue_evaluation(session, named["deep-dive"], open_season, Track.SAMPLES)


def main(folder, *, pictures=True):
    config = Config.make(folder, hand_ins_a_day=1000, hand_ins_waiting=1000)
    make_directories(config)
    engine = db.make_engine(config.database)
    db.upgrade(engine)
    writers = db.make_sessions(engine)
    with writers.begin() as session:
        seasons.ensure_seasons(session, config)
    for seed, (name, author, method, octaves, reference, licence, changes) in enumerate(PEOPLE):
        enter(
            writers,
            config,
            folder,
            "reference" if reference else author,
            name,
            author,
            method,
            octaves,
            seed,
            licence,
            pictures=pictures and seed in (0, 1, 4, 7, 5),
            **changes,
        )
    for index, (name, author, status) in enumerate(
        (
            ("deep-dive", "Sol", "refitting"),
            ("<script>alert(1)</script>", "Robert'); DROP TABLE", "queued"),
            ("night-owl", "Kaede", "queued"),
        )
    ):
        path = folder / "stage.zip"
        path.unlink(missing_ok=True)
        path.write_bytes(bundle_bytes(name, author, values=100 + index))
        evaluation_id = submit(writers, config, path, author)
        with writers.begin() as session:
            evaluation = evaluations.get(session, evaluation_id)
            if status != "queued":
                evaluation.status, evaluation.progress, evaluation.message = (
                    status,
                    0.4,
                    "Fitting picture from scratch, 2 of 4.",
                )
    for name, author, reason, detail in (
        ("too-wide", "Ines", "output_shape", "It returned (512, 2) for (512, 2) points and 1 output."),
        ("forever", "T. Runner", "time_exceeded", "One request took more than 60 s."),
    ):
        path = folder / "stage.zip"
        path.unlink(missing_ok=True)
        path.write_bytes(bundle_bytes(name, author, values=300))
        evaluation_id = submit(writers, config, path, author)
        with writers.begin() as session:
            evaluation = evaluations.get(session, evaluation_id)
            worker = tokens.find_token(session, tokens.new_token(session, None))
            claim = evaluations.claim(session, config, evaluation.id, worker)
            evaluations.record_failure(
                session, config, evaluation.id, claim.lease, {"reason": reason, "detail": detail}
            )
    watch(writers, config)
    with writers.begin() as session:
        for evaluation in session.query(Evaluation).filter(Evaluation.status == "queued"):
            evaluation.send_at = None
    (folder / "stage.zip").unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
