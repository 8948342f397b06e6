"""The race on the leaderboard's home page: four kinds of network learn the same points for the same time.

`python submissions/race.py --seconds 20` writes race.webp, race-end.webp and race.json in leaderboard/static.
Each kind trains with the learning rate of its own train.toml. Time is processor time of one thread: the time
of a step is measured first, and each kind takes as many steps as fit, so that other work on the machine does
not count.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import click
import numpy as np
import torch
from PIL import Image

from challenge.bundle.train_config import TrainConfig, read_train_config
from challenge.training.local_model import build_model
from challenge.training.trainer import train_model

HERE: Final = Path(__file__).parent
STATIC: Final = HERE.parent / "leaderboard" / "static"
KINDS: Final = {
    "mlp": "Plain",
    "taylor_network": "Taylor features",
    "fourier": "Fourier features",
    "hash_grid": "Hash grid",
}
BATCH: Final = 4096
DEEPEST: Final = 9
MOMENTS: Final = 24
FIRST_SECONDS: Final = 0.25
# Drawing may take longer than training: the clock stands still meanwhile.
DRAWING: Final = 3.0
PIXELS: Final = 128
TIMED_STEPS: Final = 20


def step_seconds(kind: str) -> float:
    """Processor seconds of one step: the least of three rounds."""
    model = build_model(HERE / kind)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)
    x, t = torch.rand(BATCH, 2) * 2 - 1, torch.rand(BATCH, 1)
    rounds = []
    for _ in range(3):
        began = time.process_time()
        for _ in range(TIMED_STEPS):
            optimiser.zero_grad(set_to_none=True)
            ((model(x) - t) ** 2).mean().backward()
            optimiser.step()
        rounds.append((time.process_time() - began) / TIMED_STEPS)
    return min(rounds)


def train(kind: str, seconds: float) -> list[dict[str, Any]]:
    """Frames of a kind as it learns: picture, seconds and octaves."""
    own, each = read_train_config(HERE / kind), step_seconds(kind)
    recipe = TrainConfig(
        steps=max(1, round(seconds / each)),
        batch=BATCH,
        deepest=DEEPEST,
        learning_rate=own.learning_rate,
        epsilon=own.epsilon,
    )
    frames = []
    with tempfile.TemporaryDirectory() as folder:
        train_model(build_model(HERE / kind), recipe, Path(folder), drawing=DRAWING)
        for path in sorted((Path(folder) / "frames").glob("*.png")):
            with Image.open(path) as picture:
                texts = picture.info
                small = picture.convert("RGB").resize((PIXELS, PIXELS))
            frames.append(
                {"picture": small, "seconds": float(texts["step"]) * each, "octaves": float(texts["octaves"])}
            )
    return frames


def main() -> None:
    """Train all kinds and write the film."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    seconds = parser.parse_args().seconds
    torch.set_num_threads(1)
    moments = np.geomspace(FIRST_SECONDS, seconds, MOMENTS)
    sheet = Image.new("RGB", (PIXELS * MOMENTS, PIXELS * len(KINDS)))
    runners = []
    for row, (kind, name) in enumerate(KINDS.items()):
        frames = train(kind, seconds)
        # What had been drawn by then.
        shown = [[f for f in frames if f["seconds"] <= moment + 1e-9][-1] for moment in moments[:-1]]
        shown.append(frames[-1])
        for column, frame in enumerate(shown):
            sheet.paste(frame["picture"], (column * PIXELS, row * PIXELS))
        runners.append({"kind": kind, "name": name, "octaves": [round(f["octaves"], 2) for f in shown]})
        click.echo(f"{name}: {len(frames)} frames, {runners[-1]['octaves'][-1]} octaves")
    sheet.save(STATIC / "race.webp", quality=58, method=6)
    end = sheet.crop((PIXELS * (MOMENTS - 1), 0, PIXELS * MOMENTS, PIXELS * len(KINDS)))
    end.save(STATIC / "race-end.webp", quality=72, method=6)
    race = {"pixels": PIXELS, "seconds": [round(float(m), 2) for m in moments], "runners": runners}
    (STATIC / "race.json").write_text(json.dumps(race) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
