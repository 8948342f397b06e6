"""Whole evaluations on a small set, in the real sandbox."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save

from challenge.bundle.manifest import Manifest
from challenge.bundle.reader import Bundle
from challenge.mandelbrot.coordinates import to_unit
from challenge.results.report import Report
from challenge.results.verdicts import EvaluationError, Reason, Status
from challenge.scoring.evaluation_set import EvaluationSize, evaluation_set
from challenge.scoring.metrics import measure
from challenge.scoring.season import PRACTICE
from challenge.training.refit import Budget, train
from challenge.training.sampling import sample
from evaluator.assignment import Assignment
from evaluator.judge import judge
from evaluator.plan import PROBES, SMALL_FAMILIES, EvaluationPlan
from evaluator.probes import consistency
from evaluator.sandbox import find_sandbox
from evaluator.sandbox.limits import Limits
from evaluator.verdict import explain_control

SIZE = EvaluationSize(chains=8, octaves=32, points=64)
NETWORK = b"""
from torch import nn

def build(i, o):
    return nn.Sequential(nn.Linear(i, 64), nn.GELU(), nn.Linear(64, 64), nn.GELU(), nn.Linear(64, o))
"""
LINE = b"from torch import nn\n\ndef build(i, o):\n    return nn.Linear(i, o)\n"
DICE = b"""
import torch
from torch import nn

class Dice(nn.Linear):
    def forward(self, x):
        return super().forward(x) + 0.1 * torch.rand(len(x), 1)

def build(i, o):
    return Dice(i, o)
"""


FORMULA = b"""
import torch
from torch import nn

class Formula(nn.Module):
    wants_float64 = True
    def __init__(self):
        super().__init__()
        self.network = nn.Sequential(nn.Linear(2, 64), nn.GELU(), nn.Linear(64, 1))
        self.share = nn.Parameter(torch.full((2,), 0.5))
    def forward(self, x):
        c = torch.complex(2 * x[:, 0] - 0.75, 2 * x[:, 1])
        z, count = torch.zeros_like(c), torch.zeros_like(x[:, :1])
        for _ in range(100):
            z = torch.where(z.abs() < 4, z * z + c, z)
            count += (z.abs() < 4)[:, None]
        count = torch.where(count < 100, count + 2.5, torch.inf)
        share = self.share.double().mean()
        known = torch.where(count.isinf(), 1.0, count / (count + 50))
        return share * known + (1 - share) * self.network(x.float()).double()

def build(i, o):
    if (i, o) == (2, 1):
        return Formula()
    return nn.Sequential(nn.Linear(i, 64), nn.GELU(), nn.Linear(64, 64), nn.GELU(), nn.Linear(64, o))
"""


class Notes:
    """A watch that remembers."""

    def __init__(self):
        self.statuses = []
        self.pictures = {}

    def status(self, status, progress, message):
        assert 0 <= progress <= 1
        assert message
        self.statuses.append((status, progress))

    def picture(self, name, png):
        self.pictures[name] = png

    def evidence(self, evidence):
        self.shown = evidence


def build(source, in_features=2, out_features=1):
    scope = {}
    exec(source, scope)
    return scope["build"](in_features, out_features)


def bundle(source, model):
    weights = save({name: tensor.contiguous() for name, tensor in model.state_dict().items()})
    return Bundle(Manifest("m", "a", "d"), {"model.py": source, "weights.safetensors": weights})


def assignment(made, families=None, **rest):
    plan = EvaluationPlan.open_track(SIZE, **rest)
    plan = replace(plan, families=families or plan.families)
    return Assignment(made, PRACTICE, find_sandbox(allow_unconfined=False), plan, Limits())


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    model = build(NETWORK)
    x, t = sample(50_000, 1)
    train(model, torch.from_numpy(x), torch.from_numpy(t[:, None]), Budget(1500))
    return model


@pytest.mark.sandbox
def test_a_trained_network_is_scored_as_it_would_score_itself(network):
    notes = Notes()
    report = judge(assignment(bundle(NETWORK, network)), notes)
    views = evaluation_set(PRACTICE, SIZE)
    with torch.inference_mode():
        own = network(torch.from_numpy(to_unit(views.points.reshape(-1, 2))).float())
    expected = measure(views.truth, own.double().numpy().reshape(views.truth.shape))
    assert report.octaves == pytest.approx(expected.octaves, abs=1e-4)
    assert report.octaves > 2
    assert report.verdict == "scored"
    assert report.sentence == ""
    assert report.universality.passed
    assert [c.family for c in report.universality.controls] == list(SMALL_FAMILIES)
    assert report.integrity.passed
    assert not report.integrity.flagged
    names = [probe.name for probe in report.integrity.probes]
    assert names == list(PROBES)
    assert [plot.probe for plot in notes.shown.plots] == names
    assert all(plot.series for plot in notes.shown.plots)
    assert report.parameters == sum(p.numel() for p in network.parameters())
    assert (report.device, report.weight_class) == ("cpu", "feather")
    assert report.sandbox.partition(",")[0].split()[0] in ("bubblewrap", "landlock")
    assert Report.from_json(report.to_json()) == report
    # It goes through the statuses in order, and draws truth-coloured pictures of places it resolves.
    order = [Status.PREDICTING, Status.REFITTING, Status.PROBING, Status.RENDERING]
    assert list(dict.fromkeys(status for status, _ in notes.statuses)) == order
    assert [p for _, p in notes.statuses] == sorted(p for _, p in notes.statuses)
    assert {"base-window/00/model.png", "base-window/00/error.png"} <= set(notes.pictures)
    assert all(png.startswith(b"\x89PNG") for png in notes.pictures.values())


@pytest.mark.sandbox
def test_judging_twice_gives_the_same_octaves(network):
    first, second = (judge(assignment(bundle(NETWORK, network), quick=True), Notes()) for _ in range(2))
    assert first.octaves == pytest.approx(second.octaves, abs=1e-9)
    assert np.allclose(first.skill_by_chain, second.skill_by_chain, rtol=0, atol=1e-9)
    assert (first.universality, first.integrity) == (None, None)


@pytest.mark.slow
def test_a_line_is_rejected_with_its_figures():
    torch.manual_seed(0)
    report = judge(assignment(bundle(LINE, build(LINE)), pictures=False), Notes())
    assert report.verdict == "rejected"
    failed = [control for control in report.universality.controls if not control.passed]
    assert {control.family for control in failed} == set(SMALL_FAMILIES) - {"digits"}
    for control in failed:
        assert len(control.refits) == 3
        assert max(control.refits) < control.bar
        assert explain_control(control) in report.sentence
    # A line is good at digits, and that is no fault of the digits.
    assert report.universality.controls[-1].passed
    assert 0 <= report.octaves < 1


@pytest.mark.slow
def test_answers_that_change_are_rejected():
    # The digits alone, which a line passes: this is about the probe.
    report = judge(assignment(bundle(DICE, build(DICE)), ("digits",), pictures=False), Notes())
    probe = next(p for p in report.integrity.probes if p.name == "consistency")
    assert not probe.passed
    assert probe.figure > consistency.THRESHOLD
    assert probe.sentence in report.sentence


@pytest.mark.slow
def test_a_formula_beside_a_network_is_rejected_and_told_why():
    torch.manual_seed(0)
    model = build(FORMULA)
    model.share.data[:] = torch.tensor([0.9, 1.1])
    report = judge(assignment(bundle(FORMULA, model), pictures=False), Notes())
    assert report.octaves > 10
    assert report.verdict == "rejected"
    probes = {probe.name: probe for probe in report.integrity.probes}
    assert tuple(probes) == PROBES
    for name in ("scramble", "twin"):
        assert not probes[name].passed, probes[name].sentence
        assert probes[name].sentence in report.sentence
    assert probes["capacity"].flagged
    # For every other shape it is an honest network, and it answers the same however it is asked.
    assert report.universality.passed
    assert probes["consistency"].passed
    assert probes["same machine"].passed
    assert Report.from_json(report.to_json()) == report


@pytest.mark.sandbox
def test_a_model_of_nan_fails_by_its_own_fault():
    model = build(LINE)
    model.weight.data.fill_(torch.nan)
    with pytest.raises(EvaluationError) as caught:
        judge(assignment(bundle(LINE, model), quick=True), Notes())
    assert caught.value.reason is Reason.OUTPUT_NOT_FINITE
