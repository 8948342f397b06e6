"""Tiles of a model: drawn in a sandbox that stays for a while, and ends."""

import os
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from challenge.bundle.manifest import Manifest
from challenge.bundle.reader import Bundle
from challenge.imaging.tiles import SIDE, Tile, decode
from challenge.results.verdicts import EvaluationError
from evaluator.sandbox.limits import Limits
from evaluator.tiles import ModelPool, draw

SOURCE = """
from torch import nn

def build(in_features, out_features):
    return nn.Sequential(nn.Linear(in_features, 16), nn.GELU(), nn.Linear(16, out_features))
"""
BROKEN = (
    SOURCE
    + """
class Broken(nn.Sequential):
    def forward(self, x):
        raise ValueError("no")

def build(in_features, out_features):
    return Broken(nn.Linear(in_features, 16), nn.GELU(), nn.Linear(16, out_features))
"""
)


def model(seed):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(2, 16), nn.GELU(), nn.Linear(16, 1))


def bundle(seed, source=SOURCE):
    from safetensors.torch import save

    files = {"model.py": source.encode(), "weights.safetensors": save(model(seed).state_dict())}
    return Bundle(Manifest("one", "Ada", "A test."), files)


def expected(tile, network):
    """What the model itself says, in this process: [-1, 1]^2 is the base window."""
    width, pixel = 2.0**-tile.octave, (np.arange(SIDE) + 0.5) / SIDE
    x, y = np.meshgrid(-1 + 2 * width * (tile.x + pixel), 1 - 2 * width * (tile.y + pixel))
    with torch.no_grad():
        return network(torch.tensor(np.stack([x.ravel(), y.ravel()], 1), dtype=torch.float32))[:, 0].numpy()


def children():
    """Processes that this one started, directly."""
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())


@pytest.fixture
def open_models(sandbox):
    before = children()
    made = []

    def make(**options):
        limits = Limits(load_seconds=20, request_seconds=20, total_seconds=120, threads=1)
        made.append(ModelPool(lambda b: sandbox.start(b, limits=limits, device="cpu"), **options))
        return made[-1]

    yield make
    for one in made:
        one.close()
    assert children() <= before


def test_a_tile_is_what_the_model_itself_says_and_its_sandbox_stays(open_models):
    models, fetched = open_models(), []

    def fetch():
        fetched.append(1)
        return bundle(3)

    sessions = []
    for tile in (Tile(0, 0, 0), Tile(2, 1, 3), Tile(9, 300, 17)):
        with models.use("a", fetch) as session:
            sessions.append(session)
            values = decode(draw(session, tile))
        truth = expected(tile, model(3))
        assert np.abs(values - truth).max() <= 0.51 * np.ptp(truth) / 65_533 + 1e-6
        assert np.ptp(truth) > 1e-5
    assert len(fetched) == 1
    assert len(set(map(id, sessions))) == 1


def test_it_ends_when_nobody_uses_it_and_begins_again(open_models):
    before = children()
    models = open_models(idle_seconds=0.4)
    with models.use("a", lambda: bundle(1)) as session:
        first = decode(draw(session, Tile(0, 0, 0)))
        # The clock does not end a model that is at work.
        time.sleep(0.6)
        draw(session, Tile(1, 0, 0))
    assert children() - before
    end = time.monotonic() + 10
    while children() - before:
        assert time.monotonic() < end
        time.sleep(0.05)
    with models.use("a", lambda: bundle(1)) as session:
        assert (decode(draw(session, Tile(0, 0, 0))) == first).all()


def test_no_more_stay_than_there_is_room_for(open_models):
    models, before, fetched = open_models(most=1), children(), []
    for seed in (1, 2, 2):
        with models.use(str(seed), lambda s=seed: fetched.append(s) or bundle(s)) as session:
            draw(session, Tile(0, 0, 0))
        assert len(children() - before) == 1
    assert fetched == [1, 2]


def test_a_model_that_fails_is_ended_at_once(open_models):
    models, before = open_models(), children()
    with pytest.raises(EvaluationError), models.use("a", lambda: bundle(1, BROKEN)) as session:
        draw(session, Tile(0, 0, 0))
    assert children() == before
