from itertools import pairwise

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from challenge.bundle.train_config import TrainConfig, read_train_config
from challenge.mandelbrot import parallel
from challenge.mandelbrot.coordinates import CENTRE, to_plane
from challenge.mandelbrot.target import target
from challenge.scoring.nearest import next_centres
from challenge.training import batches, checkpoint, trainer
from challenge.training.batches import BatchStream, ErrorField
from challenge.training.sampling import sample
from challenge.training.snapshots import SNAPSHOT_SHARES, SnapshotWriter
from challenge.training.trainer import ValidationSet, train_model
from challenge.training.zoom_samples import draw_zoom_points
from challenge.util.exit_codes import TrainConfigError

QUICK = TrainConfig(steps=60, batch=512, learning_rate=5e-3, deepest=4)


@pytest.fixture(autouse=True)
def small_pool(monkeypatch):
    monkeypatch.setattr(batches, "POOL", 20_000)
    # Small batches only wait for a second thread.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def small():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 32), nn.GELU(), nn.Linear(32, 1))


class Knows(nn.Module):
    """Answers with the truth plus an error."""

    def __init__(self, error=0.0):
        super().__init__()
        self.error = error
        self.wants_float64 = True

    def forward(self, x):
        return torch.from_numpy(target(to_plane(x.numpy()), max_iterations=1000) + self.error)[:, None]


def test_zoom_points_hold_the_target_and_as_many_points_an_octave_as_the_base_window_has():
    points = draw_zoom_points(np.random.default_rng(1), 32, 8)
    assert np.abs(points.x).max() <= 1
    right = target(to_plane(points.x), max_iterations=1000)
    # Going to unit coordinates and back moves a point by its rounding.
    assert np.quantile(np.abs(right - points.t), 0.99) < 1e-6
    assert (np.bincount(points.octave) > 0.9 * 32 * 128).all()
    one = points.view == points.view[points.octave == 8][0]
    assert one.sum() == 128
    assert points.t[one].var() == pytest.approx(points.variance[one][0])
    width = np.ptp(points.x[one], axis=0).max()
    assert 0.8 * 2 * 2**-8 < width <= 2 * 2**-8


def test_zoom_points_do_not_depend_on_the_number_of_threads(monkeypatch):
    def drawn(threads):
        monkeypatch.setattr(parallel, "threads", lambda: threads)
        points = draw_zoom_points(np.random.default_rng(3), 26, 20, points=16)
        return [points.x, points.t, points.octave, points.view, points.variance]

    alone = drawn(1)
    for threads in (2, 3, 8):
        assert all(map(np.array_equal, drawn(threads), alone))


@pytest.mark.parametrize("seed", range(20))
def test_the_next_centre_follows_the_rule(seed):
    """Of chains with few candidates, with none, at the window's edge, and with much of the inside."""
    rng = np.random.default_rng(seed)
    chains, n, near, room = 12, 30, 0.1, 1.2
    points = np.array(CENTRE) + rng.uniform(-1.5, 1.5, (chains, n, 2))
    distances = rng.exponential(rng.choice([0.05, 1.0, 5.0], (chains, 1)), (chains, n))
    distances[rng.random((chains, n)) < rng.choice([0.0, 0.5, 1.0], (chains, 1))] = 0
    draws, shore = rng.random((chains, n)), rng.random(chains) < 0.5
    centres = rng.random((chains, 2))
    want = centres.copy()
    for chain in range(chains):
        inside = [i for i in range(n) if distances[chain, i] == 0]
        allowed = [
            i for i in range(n) if i not in inside and max(abs(points[chain, i] - np.array(CENTRE))) <= room
        ]
        candidates = [i for i in allowed if distances[chain, i] <= near]
        if candidates and inside and shore[chain]:
            chosen = min(
                candidates,
                key=lambda i: min(((points[chain, i] - points[chain, j]) ** 2).sum() for j in inside),
            )
        elif candidates:
            chosen = min(candidates, key=lambda i: draws[chain, i])
        elif allowed:
            chosen = min(allowed, key=lambda i: distances[chain, i])
        else:
            continue
        want[chain] = points[chain, chosen]
    next_centres(points, distances, draws, shore, near, room, centres)
    assert np.array_equal(centres, want)


def test_deeper_views_vary_less():
    points = draw_zoom_points(np.random.default_rng(2), 64, 9)
    spread = [points.variance[points.octave == k].mean() for k in range(2, 10)]
    assert all(a > b for a, b in pairwise(spread))


def test_the_check_gives_every_octave_to_the_truth_and_none_to_a_constant():
    check = ValidationSet()
    assert check.skill(Knows()) == pytest.approx(np.ones(trainer.VALIDATION_OCTAVES), abs=0.02)
    assert not check.skill(Knows(float("nan"))).any()
    assert check.skill(Knows(10.0)).sum() < 0.1


def test_batches_are_the_same_for_a_seed_and_fresh_after_reuse():
    recipe = TrainConfig(steps=1, batch=2000, reuse=1, deepest=3)

    def first(seed, n):
        stream = BatchStream(TrainConfig(steps=1, batch=2000, reuse=1, deepest=3, seed=seed))
        taken = [next(stream).x for _ in range(n)]
        stream.close()
        return torch.cat(taken)

    assert torch.equal(first(1, 6), first(1, 6))
    assert not torch.equal(first(1, 2), first(2, 2))
    assert len(torch.unique(first(1, 6), dim=0)) == len(first(1, 6))
    assert recipe.reuse == 1


def test_a_pool_is_used_as_often_as_the_recipe_says_each_time_in_another_order():
    stream = BatchStream(TrainConfig(steps=1, batch=50_000, reuse=2, deepest=3))
    a, b, c, d = (
        torch.cat([batch.x, batch.t, batch.weight], 1) for batch in (next(stream) for _ in range(4))
    )
    stream.close()
    for first, second in ((a, b), (c, d)):
        assert not torch.equal(first, second)
        assert torch.equal(first.unique(dim=0), second.unique(dim=0))
    assert len(torch.cat([a, c]).unique(dim=0)) == len(a) + len(c)


@pytest.mark.costly
@pytest.mark.parametrize("sampling", ["octave", "uniform", "error-field"])
def test_training_helps_and_leaves_frames(tmp_path, sampling):
    seen = []
    recipe = TrainConfig(steps=400, batch=512, learning_rate=1e-2, deepest=4, sampling=sampling)
    outcome = train_model(small(), recipe, tmp_path, report=seen.append)
    assert outcome.octaves > 0.9
    assert not outcome.interrupted
    assert seen[-1].step == 400
    assert seen[-1].done == 1
    frames = sorted((tmp_path / "frames").glob("*.png"))
    assert 4 <= len(frames) <= len(SNAPSHOT_SHARES)
    texts = []
    for frame in frames:
        with Image.open(frame) as picture:
            assert picture.size == (160, 160)
            texts.append({name: float(text) for name, text in picture.text.items()})
    assert sum(f.stat().st_size for f in frames) < 30 * 1024 * len(frames)
    assert (texts[0]["step"], texts[-1]["step"]) == (0, 400)
    assert texts[-1].keys() == {"step", "seconds", "loss", "octaves"}
    assert texts[-1]["seconds"] == pytest.approx(seen[-1].seconds, rel=1e-4)


def test_frames_are_spaced_by_the_logarithm_and_as_many_as_there_is_time_for(tmp_path):
    writer = SnapshotWriter(tmp_path)
    due = [step for step in range(10_001) if writer.due(step / 10_000, step / 100)]
    assert len(due) == len(SNAPSHOT_SHARES)
    early, late = sum(step < 100 for step in due), sum(step > 5000 for step in due)
    assert early > 10
    assert late > 5
    # Each takes a second: of a training of 100 s, about fifteen can be drawn. Eight always are.
    slow = SnapshotWriter(tmp_path)
    slow.count, slow._spent = 1, 1.0
    due = [step for step in range(10_001) if slow.due(step / 10_000, step / 100)]
    assert 10 <= len(due) <= 18
    assert due[0] == 0
    assert due[-1] == 10_000
    slower = SnapshotWriter(tmp_path)
    slower.count, slower._spent = 1, 1000.0
    assert sum(slower.due(step / 10_000, step / 100) for step in range(10_001)) >= 8


@pytest.mark.costly
def test_the_same_recipe_gives_the_same_weights(tmp_path):
    a, b = (train_model(small(), QUICK, tmp_path).state for _ in range(2))
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_ctrl_c_keeps_the_best_so_far(tmp_path):
    def stop(now):
        if now.step == 30:
            raise KeyboardInterrupt

    outcome = train_model(small(), QUICK, tmp_path, report=stop)
    assert outcome.interrupted
    assert outcome.octaves > 0
    small().load_state_dict(outcome.state)


@pytest.mark.costly
def test_seconds_end_it_and_half_precision_is_stored(tmp_path):
    outcome = train_model(small(), TrainConfig(seconds=0.5, batch=256, deepest=3, store="float16"), tmp_path)
    assert outcome.progress.done == 1
    assert {t.dtype for t in outcome.state.values()} == {torch.float16}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("steps = ", "not TOML"),
        ("steps = 10\nlearningrate = 1", "'learningrate' is unknown"),
        ("steps = -1", r"steps must lie in 1 .. 1e\+09"),
        ("steps = 1.5", "steps must lie"),
        ("steps = 1\nbatch = true", "batch must lie"),
        ("steps = 1\nlearning_rate = nan", "learning_rate must lie"),
        ('steps = 1\nsampling = "deep"', "one of octave, uniform, error-field, not 'deep'"),
        ("steps = 1\nweigh = 1", "true or false"),
        ("batch = 8", "steps, seconds or both"),
        ("steps = 1\nsamples = 100", "drawn with sampling = \"uniform\", not 'octave'"),
    ],
)
def test_a_wrong_recipe_is_named(tmp_path, text, told):
    (tmp_path / "train.toml").write_text(text)
    with pytest.raises(TrainConfigError, match=told):
        read_train_config(tmp_path)


def test_a_fixed_sample_is_that_of_python_and_nothing_else():
    recipe = TrainConfig(steps=1, batch=100, samples=250, sampling="uniform", seed=7)
    stream = BatchStream(recipe)
    taken = [next(stream) for _ in range(6)]
    stream.close()
    x, t = sample(250, 7)
    for half in (taken[:3], taken[3:]):
        got = torch.cat([torch.cat([batch.x, batch.t], 1) for batch in half]).numpy()
        expected = np.column_stack([x, t])
        assert np.array_equal(got[np.lexsort(got.T)], expected[np.lexsort(expected.T)])


def test_the_error_field_sends_points_where_the_error_is():
    field = ErrorField()
    generator = np.random.default_rng(0)
    for _ in range(6):
        x = generator.uniform(-1, 1, (500_000, 2))
        field.update(x, np.where((x > 0.5).all(axis=1), 0.5, 0.001))
    drawn = ErrorField.draw(field.mean, np.random.default_rng(1), 20_000)
    assert np.abs(drawn).max() <= 1
    # A sixteenth of the window, to which nearly all points go that do not keep an eye on the whole.
    share = (drawn > 0.5).all(axis=1).mean()
    assert 0.7 < share < 0.85


@pytest.mark.costly
def test_an_interrupted_training_goes_on_to_its_end(tmp_path):
    def stop(now):
        if now.step == 30:
            raise KeyboardInterrupt

    first = train_model(small(), QUICK, tmp_path, report=stop)
    frames = {f.name: f.read_bytes() for f in (tmp_path / "frames").glob("*.png")}
    before = checkpoint.load(tmp_path, QUICK)
    assert (before.step, before.best) == (30, first.octaves)
    steps = []
    second = train_model(small(), QUICK, tmp_path, before=before, report=lambda now: steps.append(now.step))
    assert steps == list(range(30, 61))
    assert second.octaves >= first.octaves
    after = {f.name: f.read_bytes() for f in (tmp_path / "frames").glob("*.png")}
    assert frames.items() < after.items()
    # It is over: there is nothing to go on from.
    assert not (tmp_path / ".train").exists()
    with pytest.raises(TrainConfigError, match="train without --resume"):
        checkpoint.load(tmp_path, QUICK)


def test_a_checkpoint_is_not_gone_on_with_by_another_recipe(tmp_path):
    def stop(now):
        raise KeyboardInterrupt

    train_model(small(), QUICK, tmp_path, report=stop)
    checkpoint.load(tmp_path, QUICK.changed(steps=900))
    with pytest.raises(TrainConfigError, match="seed = 0, and now it is 5"):
        checkpoint.load(tmp_path, QUICK.changed(seed=5))
    (tmp_path / checkpoint.CHECKPOINT_PATH).write_bytes(b"PK")
    with pytest.raises(TrainConfigError, match="is not a checkpoint"):
        checkpoint.load(tmp_path, QUICK)


def test_pictures_of_an_earlier_training_are_kept(tmp_path):
    (tmp_path / "frames").mkdir()
    (tmp_path / "frames" / "000.png").write_bytes(b"mine")
    train_model(small(), TrainConfig(steps=1, batch=64, deepest=2), tmp_path)
    assert (tmp_path / "frames.earlier" / "000.png").read_bytes() == b"mine"
    assert (tmp_path / "frames" / "000.png").read_bytes() != b"mine"


@pytest.mark.costly
def test_half_precision_products_train_too(tmp_path):
    recipe = TrainConfig(steps=200, batch=512, learning_rate=1e-2, deepest=3, precision="bfloat16")
    outcome = train_model(small(), recipe, tmp_path)
    assert outcome.octaves > 0.7
    assert {t.dtype for t in outcome.state.values()} == {torch.float32}


def test_the_command_line_overrules_the_recipe():
    recipe = TrainConfig(steps=10, seed=3)
    assert recipe.changed(steps=None, seconds=5.0, seed=None) == TrainConfig(seconds=5.0, seed=3)
    assert recipe.changed(steps=7, seconds=None, seed=9) == TrainConfig(steps=7, seed=9)
    assert recipe.changed(steps=None, seconds=None, seed=None) == recipe
    with pytest.raises(TrainConfigError, match="not 'octave'"):
        recipe.changed(samples=10, sampling="octave")
    assert recipe.changed(samples=10).sampling == "uniform"
