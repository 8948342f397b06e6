import hashlib
import math
from dataclasses import replace
from itertools import count
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from challenge.bundle.manifest import Manifest
from challenge.bundle.reader import NO_WEIGHTS, Bundle
from challenge.results.samples_report import SamplesReport
from challenge.results.stages import TargetFindings
from challenge.results.verdicts import EvaluationError, Reason
from challenge.scoring.chains import Views
from challenge.scoring.evaluation_set import EvaluationSize
from challenge.scoring.metrics import measure
from challenge.scoring.season import PRACTICE, Season
from challenge.scoring.tracks import BUDGETS
from challenge.targets import draw_target, target_views
from challenge.training import refit
from challenge.training.refit import Budget, train
from evaluator import calibration
from evaluator.calibration import LEAST, MOST, REFERENCE, STEPS, calibrate, machine_class
from evaluator.certificate import certificate_digest
from evaluator.plan import EvaluationPlan
from evaluator.samples_track import target_run, task
from evaluator.samples_track.fit_recorder import FILM_BYTES, FRAMES, LOSSES, FitRecorder
from evaluator.samples_track.judge import SamplesEvaluation, judge_samples, mean_scores
from evaluator.samples_track.task import SamplesTask, draw_target_data
from evaluator.sandbox import protocol
from evaluator.sandbox.limits import Limits

SIZE = EvaluationSize(chains=3, octaves=8, points=24)
SECRET = Season("secret", hashlib.sha256(b"nobody knows").digest())
NETWORK = """
import time
import torch
from torch import nn

def build(in_features, out_features):
    return nn.Sequential(nn.Linear(in_features, 32), nn.GELU(), nn.Linear(32, 32), nn.GELU(),
                         nn.Linear(32, out_features))
"""
# Learns at once, however busy the machine is.
BUMPS = """
import time
import torch
from torch import nn

class Bumps(nn.Module):
    def __init__(self):
        super().__init__()
        self.weights = nn.Parameter(torch.zeros(225, 1))
        side = torch.linspace(-1, 1, 15)
        self.register_buffer("centres", torch.cartesian_prod(side, side))

    def features(self, x):
        return torch.exp(-((x[:, None] - self.centres) ** 2).sum(2) / 0.03)

    def forward(self, x):
        return self.features(x) @ self.weights

def build(in_features, out_features):
    return Bumps()

def fit(model, x, y, budget):
    for points in (256, 1024, 2048):
        solved = torch.linalg.lstsq(model.features(x[:points]), y[:points]).solution
        model.weights.data = solved
        budget.report(float(((model(x) - y) ** 2).mean()))
        budget.checkpoint(model)
"""


class Spy:
    def __init__(self):
        self.messages, self.pictures, self.shown = [], {}, []

    def status(self, status, progress, message):
        assert 0 <= progress <= 1
        self.messages.append(message)

    def picture(self, name, png):
        assert png.startswith(b"\x89PNG")
        self.pictures[name] = png

    def evidence(self, evidence):
        self.shown.append(evidence)


def judged(sandbox, source, *, spy=None, **changes):
    bundle = Bundle(
        Manifest("one", "Ada", "A test."), {"model.py": source.encode(), "weights.safetensors": NO_WEIGHTS}
    )
    settings = {
        "plan": EvaluationPlan.samples_track(SIZE, quick=True, pictures=changes.pop("pictures", False)),
        "samples": 4096,
        "seconds": 2.0,
        "limits": Limits(request_seconds=20, load_seconds=20),
        "device": "cpu",
        "kinds": ("mandelbrot",),
    }
    given = SamplesTask(bundle, changes.pop("season", PRACTICE), sandbox, **settings | changes)
    return judge_samples(given, spy or Spy())


def test_the_platform_s_trainer_learns_with_build_alone_and_a_film_shows_it(sandbox):
    spy = Spy()
    report = judged(sandbox, NETWORK, spy=spy, pictures=True)
    (one,) = report.targets
    assert one.octaves > 0.1
    assert one.ended == "returned"
    assert one.seconds == one.judged_on
    assert 1.9 <= one.seconds < 10
    assert one.checkpoints >= 1
    assert one.losses
    assert all(math.isfinite(loss) for _, loss in one.losses)
    assert report.parameters == 2 * 32 + 32 + 32 * 32 + 32 + 32 + 1
    assert report.octaves == pytest.approx(one.octaves)
    assert report.interval == pytest.approx(one.interval)
    assert len(one.film) >= 2
    frames = [f"samples/1/film-{number:02}.png" for number in range(len(one.film))]
    assert sorted(spy.pictures) == sorted([*frames, "samples/1/truth.png", "samples/1/error.png"])
    assert list(one.film) == sorted(one.film)
    assert any("of 2 s, loss" in message for message in spy.messages)
    assert SamplesReport.from_json(report.to_json()) == report


def test_a_fit_of_its_own_may_return_early_and_reports(sandbox):
    (one,) = judged(sandbox, BUMPS, seconds=20.0).targets
    assert one.ended == "returned"
    assert one.checkpoints == 3
    assert one.losses
    assert one.octaves > 0.5


@pytest.mark.parametrize(
    ("ending", "ended", "reason"),
    [
        ("time.sleep(60)", "killed", "time_exceeded"),
        ("1 / 0", "failed", "fit_failed"),
        ("import os; os._exit(3)", "failed", "exited"),
    ],
)
def test_a_fit_that_is_killed_or_fails_is_judged_on_its_last_checkpoint(sandbox, ending, ended, reason):
    spoiled = "    budget.checkpoint(model)\n    for p in model.parameters(): nn.init.zeros_(p)\n"
    source = f"{BUMPS}{spoiled}    {ending}\n"
    spy = Spy()
    # What fails by itself has all the time that a busy machine may take until then.
    seconds = 2.0 if ended == "killed" else 120.0
    (one,) = judged(sandbox, source, spy=spy, seconds=seconds, pictures=ended == "killed").targets
    assert (one.ended, one.reason) == (ended, reason)
    # The weights that were spoiled after the checkpoint are not what was judged.
    assert one.octaves > 0.5
    assert one.judged_on < one.seconds
    if ended == "killed":
        assert "samples/1/error.png" in spy.pictures
        # A budget of 2 s, and a grace for what comes after it.
        assert 2.1 <= one.seconds < 10


@pytest.mark.parametrize(
    ("ending", "reason"), [("time.sleep(60)", Reason.TIME_EXCEEDED), ("1 / 0", Reason.FIT_FAILED)]
)
def test_without_a_checkpoint_it_has_failed_and_is_told_where(sandbox, ending, reason):
    source = f"{NETWORK}\ndef fit(model, x, y, budget):\n    {ending}\n"
    with pytest.raises(EvaluationError) as caught:
        judged(sandbox, source, seconds=0.5)
    assert caught.value.reason is reason
    assert "target 1" in caught.value.detail


def test_a_checkpoint_that_does_not_fit_the_model_is_the_submission_s_fault(sandbox):
    source = NETWORK + (
        "def fit(model, x, y, budget):\n    budget.checkpoint(nn.Linear(3, 3))\n    time.sleep(60)\n"
    )
    with pytest.raises(EvaluationError) as caught:
        judged(sandbox, source, seconds=0.5)
    assert caught.value.reason is Reason.WEIGHTS_DO_NOT_FIT


# Keeps its samples in the checkpoint, and goes on learning from them when it is asked.
LEARNS_LATER = """
import torch
from torch import nn

class Later(nn.Module):
    def __init__(self):
        super().__init__()
        self.network = nn.Sequential(nn.Linear(2, 32), nn.GELU(), nn.Linear(32, 1))
        self.register_buffer("x", torch.zeros(4096, 2))
        self.register_buffer("y", torch.zeros(4096, 1))
        self.asked = 0

    def forward(self, x):
        self.asked += 1
        with torch.inference_mode(False), torch.enable_grad():
            known, wanted = self.x.clone(), self.y.clone()
            network = self.network
            optimiser = torch.optim.Adam(network.parameters(), lr=1e-2)
            for _ in range(STEPS):
                optimiser.zero_grad()
                ((network(known) - wanted) ** 2).mean().backward()
                optimiser.step()
        return self.network(x)

def build(in_features, out_features):
    return Later()

def fit(model, x, y, budget):
    model.x, model.y = x, y
"""


@pytest.mark.parametrize(("steps", "reason"), [(10, Reason.INCONSISTENT), (10**9, Reason.TIME_EXCEEDED)])
def test_learning_goes_on_inside_forward_for_nothing(sandbox, monkeypatch, steps, reason):
    monkeypatch.setattr(task, "PREDICTION_CPU_SECONDS", 8.0 if steps == 10 else 2.0)
    limits = Limits(request_seconds=120, load_seconds=20)
    with pytest.raises(EvaluationError) as caught:
        judged(sandbox, LEARNS_LATER.replace("STEPS", str(steps)), seconds=3.0, limits=limits)
    assert caught.value.reason is reason
    if reason is Reason.TIME_EXCEEDED:
        assert "processor time" in caught.value.sentence


@pytest.mark.parametrize("where", ["import", "build"])
def test_importing_and_building_use_up_the_budget(sandbox, where):
    slow = "import time\ntime.sleep(1.2)\n"
    source = slow + BUMPS if where == "import" else BUMPS.replace(
        "    return Bumps()", "    time.sleep(1.2)\n    return Bumps()"
    )  # fmt: skip
    with pytest.raises(EvaluationError) as caught:
        judged(sandbox, source, seconds=1.0)
    assert caught.value.reason is Reason.TIME_EXCEEDED
    assert "before any checkpoint" in caught.value.sentence
    (one,) = judged(sandbox, source, seconds=20.0).targets
    assert one.seconds > 1.2
    assert one.octaves > 0.5


def test_what_a_budget_gives_is_less_by_what_building_took(sandbox):
    source = NETWORK.replace("def build", "time.sleep(1)\n\ndef build") + (
        "def fit(model, x, y, budget):\n    budget.report(budget.seconds)\n"
    )
    (one,) = judged(sandbox, source, seconds=5.0).targets
    ((moment, given),) = one.losses
    assert moment > 1
    assert given < 4


def test_submitted_weights_stay_outside(sandbox):
    source = NETWORK + (
        "from pathlib import Path\n"
        "def fit(model, x, y, budget):\n"
        "    held = (Path(__file__).parent / 'weights.safetensors').read_bytes()\n"
        "    assert len(held) == 10, len(held)\n"
    )
    bundle = Bundle(
        Manifest("one", "Ada", "A test."),
        {"model.py": source.encode(), "weights.safetensors": save({"w": torch.zeros(100)})},
    )
    plan = EvaluationPlan.samples_track(SIZE, quick=True, pictures=False)
    given = SamplesTask(
        bundle, PRACTICE, sandbox, plan, samples=64, seconds=0.5, device="cpu", kinds=("mandelbrot",)
    )
    assert judge_samples(given, Spy()).targets[0].ended == "returned"


def test_while_a_secret_is_kept_nothing_a_submission_says_of_it_is_passed_on(sandbox):
    source = NETWORK + "def fit(model, x, y, budget):\n    budget.report(0.123456789)\n    time.sleep(1.2)\n"
    spy = Spy()
    (secret,) = judged(sandbox, source, spy=spy, season=SECRET).targets
    assert secret.losses == ()
    # The evidence has them: the board shows it when the secret is published.
    ((plot,),) = (evidence.plots for evidence in spy.shown)
    assert plot.probe == "target 1"
    assert plot.series[0].y[0] == pytest.approx(math.log10(0.123456789))
    assert secret.name == ""
    assert not any("0.123" in message for message in spy.messages)
    (public,) = judged(sandbox, source, spy=spy).targets
    assert public.losses[0][1] == pytest.approx(0.123456789)
    assert any("0.123" in message for message in spy.messages)


def test_a_child_that_breaks_the_protocol_while_it_is_watched(start):
    send = (
        "import struct, sys\n"
        "def fit(model, x, y, budget):\n"
        "    main = sys.modules['__main__']\n"
        "    main.Channel.send.__globals__['protocol']\n"
        "    tell = budget.checkpoint.__self__._tell\n"
    )
    for said in ("tell(19, b'')", "tell(20, b'123')", "tell(21, b'')"):
        session = start(NETWORK + send + f"    {said}\n    time.sleep(30)\n")
        session.build(2, 1, 0)
        with pytest.raises(EvaluationError) as caught:
            session.fit(
                np.zeros((8, 2)), np.zeros((8, 1)), Budget(seconds=3), 0, FitRecorder(3, lambda *_: None)
            )
        assert caught.value.reason is Reason.PROTOCOL_BROKEN


def test_an_unwatched_fit_may_call_what_nobody_hears(start):
    source = NETWORK + (
        "def fit(model, x, y, budget):\n    budget.checkpoint(model)\n    budget.report(1.0)\n"
    )
    session = start(source)
    session.build(2, 1, 0)
    session.fit(np.zeros((8, 2)), np.zeros((8, 1)), Budget(steps=5, seconds=5), 0)
    assert session.predict(np.zeros((3, 2))).shape == (3, 1)


def test_a_checkpoint_is_the_model_as_it_was(start):
    session = start(NETWORK + "def fit(model, x, y, budget):\n    budget.checkpoint(model)\n")
    session.build(2, 1, 7)
    x = np.random.default_rng(0).uniform(-1, 1, (16, 2))
    before = session.predict(x)
    recorder = FitRecorder(5, lambda *_: None)
    session.fit(np.zeros((8, 2)), np.zeros((8, 1)), Budget(seconds=5), 0, recorder)
    assert set(load(recorder.last)) == {
        f"{layer}.{part}" for layer in (0, 2, 4) for part in ("weight", "bias")
    }
    session.build(2, 1, 8)
    assert not np.allclose(session.predict(x), before)
    assert session.load(recorder.last) == session.numbers
    assert np.array_equal(session.predict(x), before)


@pytest.mark.costly
def test_the_trainer_keeps_and_reports_now_and_then(monkeypatch):
    # A clock on which each step takes a millisecond.
    ticks = count()
    monkeypatch.setattr(refit, "time", SimpleNamespace(monotonic=lambda: next(ticks) / 1000))
    kept, said = [], []
    model = torch.nn.Linear(2, 1)
    x = torch.rand(100, 2)
    budget = Budget(seconds=1.0, checkpoint=kept.append, report=said.append)
    train(model, x, x[:, :1], budget)
    assert len(kept) == len(said) == 20
    assert all(one is model for one in kept)
    assert said[-1] < said[0]


def test_a_recorder_keeps_what_it_should():
    told = []
    recorder = FitRecorder(100.0, lambda seconds, loss: told.append((seconds, loss)))
    for second in range(100):
        recorder.checkpoint(bytes([second]), float(second))
    assert recorder.last == bytes([99])
    assert recorder.checkpoints == 100
    assert [round(seconds / 100, 2) for seconds, _ in recorder.film] == list(FRAMES)
    for number in range(5000):
        recorder.loss(1 / (1 + number), float(number))
    recorder.loss(math.nan, 5000.0)
    recorder.loss(math.inf, 5001.0)
    assert LOSSES / 2 <= len(recorder.losses) <= LOSSES
    assert recorder.losses[0] == (0.0, 1.0)
    assert all(math.isfinite(loss) for _, loss in recorder.losses)
    assert len(told) < 10  # not more often than every two seconds
    heavy = FitRecorder(1.0, lambda *_: None)
    heavy.checkpoint(bytes(FILM_BYTES), 0.0)
    heavy.checkpoint(b"more", 0.9)
    assert len(heavy.film) == 1
    assert heavy.last == b"more"


@pytest.mark.costly
@pytest.mark.parametrize(
    ("quickest", "factor"), [(REFERENCE["cpu"], 1.0), (REFERENCE["cpu"] / 100, LEAST), (1.0, MOST)]
)
def test_the_calibration_is_the_quickest_step_within_bounds(monkeypatch, quickest, factor):
    """A busy machine makes most steps slow."""

    def moments():
        now = 0.0
        for step in range(STEPS):
            yield now
            now += quickest if step == 70 else 40.0
            yield now

    clock = moments()
    with monkeypatch.context() as patched:
        patched.setattr(calibration.time, "perf_counter", lambda: next(clock))
        found = calibrate("cpu")
    assert found.seconds == pytest.approx(quickest)
    assert found.factor == pytest.approx(factor)


@pytest.mark.costly
def test_the_calibration_is_of_this_machine():
    found = calibrate("cpu")
    assert found.factor == pytest.approx(min(MOST, max(LEAST, found.seconds / found.reference)))
    assert found.reference == REFERENCE["cpu"]
    assert 0 < found.seconds < 10
    assert machine_class("cpu") == "cpu"
    assert machine_class("cuda") == "gpu"
    assert set(BUDGETS) == {"cpu", "gpu"}


def test_the_mean_is_over_targets_chain_by_chain():
    generator = np.random.default_rng(0)
    each = [generator.random((4, 5)) for _ in range(3)]
    scores = mean_scores(each, [20.0, 20.0, 20.0])
    assert scores.octaves == pytest.approx(np.mean([one.mean(axis=0).sum() for one in each]))
    assert scores.skill_by_chain[1, 2] == pytest.approx(np.mean([one[1, 2] for one in each]))
    assert scores.interval[0] < scores.octaves < scores.interval[1]
    assert scores.precision_db == pytest.approx(20.0)


def test_a_perfect_answer_scores_every_octave_of_a_target():
    data = draw_target_data(PRACTICE, "mandelbrot", 64, SIZE)
    scores = measure(data.views.truth, data.target.values(data.views.points.reshape(-1, 2)).reshape(3, 8, 24))
    assert scores.octaves == 8.0
    assert isinstance(data.views, Views)
    again = target_views(PRACTICE, draw_target(PRACTICE, "mandelbrot"), replace(SIZE, chains=1))
    assert np.array_equal(again.truth[0], data.views.truth[0])


def test_pictures_show_the_square_as_people_draw_it():
    points = target_run.SQUARE.grid(2)
    assert points.tolist() == [[-0.5, 0.5], [0.5, 0.5], [-0.5, -0.5], [0.5, -0.5]]


def test_a_report_of_something_else_is_none():
    for values in ({}, {"track": "samples", "version": 99}, {"track": "open", "version": 1}):
        with pytest.raises(ValueError, match="not a report"):
            SamplesReport.from_dict(values)
    with pytest.raises(ValueError, match="incomplete"):
        SamplesReport.from_dict({"track": "samples", "version": 1})


def test_frames_of_a_watched_fit_have_numbers_of_their_own():
    assert len({op.value for op in protocol.Op}) == len(protocol.Op)
    assert target_run.ENDED.keys() <= set(Reason)


class Kept(dict):
    find = dict.get
    keep = dict.__setitem__


def test_what_was_learned_or_certified_before_is_not_done_again(sandbox):
    store, begun = Kept(), []

    class Counting:
        name, describe = sandbox.name, sandbox.describe

        def start(self, bundle, **rest):
            begun.append(bundle)
            return sandbox.start(bundle, **rest)

    bundle = Bundle(
        Manifest("one", "Ada", "A test."), {"model.py": BUMPS.encode(), "weights.safetensors": NO_WEIGHTS}
    )
    plan = EvaluationPlan(SIZE, families=("curve",), probes=(), places=())
    given = SamplesTask(
        bundle, PRACTICE, Counting(), plan, samples=4096, seconds=5.0, device="cpu", store=store,
        kinds=("mandelbrot", "cousin"),
    )  # fmt: skip
    first = SamplesEvaluation(given, Spy())
    assert first.missing == [0, 1]
    found = first.target(0)
    assert TargetFindings.from_dict(found.to_dict()) == found
    assert first.missing == [1]
    # Another worker goes on.
    second = SamplesEvaluation(given, Spy(), {0: found})
    assert second.missing == [1]
    second.target(1)
    second.certificate()
    report = second.report()
    assert report.targets[0] == found.result
    assert SamplesReport.from_json(report.to_json()) == report
    assert report.timings.keys() >= {"target 1", "target 2", "universality"}
    (digest,) = store
    assert digest == certificate_digest(bundle, PRACTICE, plan, "cpu")
    # The code's certificate is that of the open track: none of its sandboxes is opened again.
    count = len(begun)
    store[digest] = replace(store[digest], evaluation_id=7)
    third = SamplesEvaluation(given, Spy(), {0: found, 1: found})
    third.certificate()
    assert third.report().certificate_from == 7
    assert len(begun) == count
    # What a machine of another class learned does not count.
    other = replace(found, calibration=replace(found.calibration, machine="gpu"))
    assert SamplesEvaluation(given, Spy(), {0: other, 1: found}).missing == [0]
