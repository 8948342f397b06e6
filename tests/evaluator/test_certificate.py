"""The certificate belongs to the code: no weights reach a refit, and it is found once for equal code."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import save

from challenge.bundle.manifest import Manifest
from challenge.bundle.reader import Bundle
from challenge.results.stages import Certificate
from challenge.results.verdicts import EvaluationError, Reason
from challenge.scoring.evaluation_set import EvaluationSize
from challenge.scoring.season import PRACTICE, Season
from evaluator import certificate as certificates
from evaluator.assignment import Assignment
from evaluator.certificate import DiskStore, certificate_digest, make_certificate
from evaluator.judge import Evaluation
from evaluator.plan import EvaluationPlan
from evaluator.sandbox.limits import Limits
from evaluator.universality import certify
from evaluator.wall_limit import WallLimit

SIZE = EvaluationSize(chains=2, octaves=4, points=64)
PLAN = EvaluationPlan(SIZE, families=("curve",), probes=("same machine",), places=())
# A network only where it finds weights beside it.
READS_WEIGHTS = b"""
from pathlib import Path
from torch import nn

def build(i, o):
    trained = (Path(__file__).parent / "weights.safetensors").stat().st_size > 100
    if not trained:
        return nn.Linear(i, o)
    return nn.Sequential(nn.Linear(i, 64), nn.GELU(), nn.Linear(64, 64), nn.GELU(), nn.Linear(64, o))
"""
LINE = b"from torch import nn\n\ndef build(i, o):\n    return nn.Linear(i, o)\n"


class Nobody:
    def status(self, *_): ...

    def picture(self, *_): ...

    def evidence(self, *_): ...


def make(source=LINE, seed=0, **files):
    torch.manual_seed(seed)
    weights = save({k: v.clone() for k, v in torch.nn.Linear(2, 1).state_dict().items()})
    return Bundle(Manifest("m", "a", "d"), {"model.py": source, "weights.safetensors": weights} | files)


class Memory(dict):
    def find(self, digest):
        return self.get(digest)

    keep = dict.__setitem__


def test_weights_cannot_reach_a_refit(sandbox):
    bundle = make(READS_WEIGHTS)
    limits = Limits(threads=1)
    # With its weights beside it the cheat works, so this is one.
    seen = certify(
        lambda: sandbox.start(bundle, limits=limits, device="cpu"), PRACTICE, lambda *_: None, ("curve",)
    )
    assert seen.result.passed
    task = Assignment(bundle, PRACTICE, sandbox, PLAN, limits, device="cpu")
    assert not Evaluation(task, Nobody()).certificate().universality.passed


def test_equal_code_has_one_certificate_and_other_code_another(sandbox):
    store, begun = Memory(), []

    class Counting:
        name, describe = sandbox.name, sandbox.describe

        def start(self, bundle, **rest):
            begun.append(bundle)
            return sandbox.start(bundle, **rest)

    def judged(bundle, season=PRACTICE):
        task = Assignment(bundle, season, Counting(), PLAN, Limits(), device="cpu", store=store)
        return Evaluation(task, Nobody()).certificate()

    first = judged(make(seed=1))
    refits = len(begun)
    assert refits >= 1
    assert all(bundle.files.keys() == {"model.py", "weights.safetensors"} for bundle in begun)
    assert judged(make(seed=2, **{"README.md": b"other words"})) == first
    assert len(begun) == refits
    judged(make(LINE + b"# another\n"))
    assert len(begun) > refits
    assert len(store) == 2


def test_a_digest_is_of_all_that_a_certificate_depends_on(monkeypatch):
    base = certificate_digest(make(), PRACTICE, PLAN, "cpu")
    assert base == certificate_digest(make(seed=3), PRACTICE, PLAN, "cpu")
    others = {
        certificate_digest(make(**{"helper.py": b""}), PRACTICE, PLAN, "cpu"),
        certificate_digest(make(), Season("other", b"o" * 32), PLAN, "cpu"),
        certificate_digest(make(), PRACTICE, replace(PLAN, families=("drawing",)), "cpu"),
        certificate_digest(make(), PRACTICE, PLAN, "cuda"),
    }
    monkeypatch.setattr(certificates.torch, "__version__", "0.0")
    others.add(certificate_digest(make(), PRACTICE, PLAN, "cpu"))
    monkeypatch.undo()
    monkeypatch.setattr(certificates, "_own_code", lambda: "another trainer")
    others.add(certificate_digest(make(), PRACTICE, PLAN, "cpu"))
    assert len(others) == 6
    assert base not in others


def test_a_certificate_is_kept_on_disk_and_a_broken_file_is_none(sandbox, tmp_path):
    code = make().without_weights()
    found = make_certificate(
        lambda: sandbox.start(code, limits=Limits(threads=1), device="cpu"), PRACTICE, PLAN, lambda *_: None
    )
    store = DiskStore(tmp_path / "kept")
    assert store.find("a" * 64) is None
    store.keep("a" * 64, found)
    assert store.find("a" * 64) == found
    assert Certificate.from_dict(found.to_dict()) == found
    (tmp_path / "kept" / f"{'a' * 64}.json").write_text("{")
    assert store.find("a" * 64) is None
    with pytest.raises(ValueError, match="universality"):
        Certificate.from_dict({})


@pytest.mark.parametrize("ending", ["time.sleep(60)", "while True: pass"])
def test_a_stage_ends_with_its_wall_limit_and_its_own_reason(sandbox, ending):
    source = LINE + f"\nimport time\n\ndef fit(model, x, y, budget):\n    {ending}\n".encode()
    limits = Limits(stage_seconds=6.0)
    task = Assignment(make(source), PRACTICE, sandbox, PLAN, limits, device="cpu")
    with pytest.raises(EvaluationError) as caught:
        Evaluation(task, Nobody()).certificate()
    assert caught.value.reason is Reason.EVALUATION_TIME_EXCEEDED
    assert "stage certificate may take 6 s" in caught.value.sentence


def test_a_failed_certificate_is_not_given_where_fits_of_its_own_waited_too_long(sandbox, monkeypatch):
    source = LINE + b"\n\nimport time\n"
    source += b"def fit(model, x, y, budget):\n    time.sleep(0.8 * budget.seconds)\n"
    store = Memory()
    task = Assignment(make(source), PRACTICE, sandbox, PLAN, device="cpu", store=store)
    for name, value in {"FIT_SECONDS": 0.5, "FIT_FACTOR": 0.0}.items():
        monkeypatch.setattr(f"evaluator.reference_network.{name}", value)
    monkeypatch.setattr("evaluator.crowding.MOST_KEPT", -1.0)
    with pytest.raises(EvaluationError) as caught:
        Evaluation(task, Nobody()).certificate()
    assert caught.value.reason is Reason.MACHINE_BUSY
    assert not store
    monkeypatch.setattr("evaluator.crowding.MOST_KEPT", 1.0)
    assert not Evaluation(task, Nobody()).certificate().passed


def test_what_starts_after_a_wall_limit_is_refused_at_once():
    over, long = WallLimit("It", 0.0), WallLimit("That", 100.0)
    assert long.within(over) is over.within(long) is over
    assert long.apply(Limits()).total_seconds == pytest.approx(100, abs=1)
    with pytest.raises(EvaluationError) as caught:
        over.apply(Limits())
    assert caught.value.reason is Reason.EVALUATION_TIME_EXCEEDED
    for reason, becomes in ((Reason.TIME_EXCEEDED, Reason.EVALUATION_TIME_EXCEEDED), (Reason.EXITED,) * 2):
        with pytest.raises(EvaluationError) as caught, over.enforced():
            raise EvaluationError(reason)
        assert caught.value.reason is becomes
    with pytest.raises(EvaluationError) as caught, long.enforced():
        raise EvaluationError(Reason.TIME_EXCEEDED)
    assert caught.value.reason is Reason.TIME_EXCEEDED
