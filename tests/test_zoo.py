"""Every honest model of the zoo passes integrity, and is universal where its expected.toml says so."""

import hashlib
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from challenge.bundle.reader import read_bundle
from challenge.controls import FAMILIES
from challenge.scoring.season import PRACTICE, Season
from challenge.training.local_model import load_build
from evaluator import probes, universality
from evaluator.probes import consistency, plasticity, scramble, twin
from evaluator.sandbox import find_sandbox
from evaluator.sandbox.limits import CORES, Limits

ZOO = Path(__file__).parent / "zoo"
NAMES = sorted(path.parent.name for path in ZOO.glob("*/expected.toml"))
# One of each sort: smooth, in steps, grown by its own fit, blind to what is far away.
FAST = ("tanh", "step", "forest", "random_fourier_bare")
SHAPES = ((1, 1), (2, 3), (3, 2), (4, 1), (17, 4), (64, 10), (784, 10))
OTHERS = tuple(Season(f"zoo {seed}", hashlib.sha256(f"zoo {seed}".encode()).digest()) for seed in range(1, 6))


def expected(name):
    return tomllib.loads((ZOO / name / "expected.toml").read_text(encoding="utf-8"))


def look(case_of, name):
    case = case_of(ZOO / name)
    return [probe.run(case).result for probe in (consistency, scramble, twin, plasticity)]


@pytest.fixture(scope="module")
def looks(request, case_of):
    """The models that were asked for, as many at a time as there are processors."""
    chosen = [item.callspec.params["name"] for item in request.session.items if "looks" in item.fixturenames]
    with ThreadPoolExecutor(CORES) as pool:
        futures = {name: pool.submit(look, case_of, name) for name in dict.fromkeys(chosen) if name in FAST}
        yield futures
        pool.shutdown(cancel_futures=True)


@pytest.mark.costly
@pytest.mark.parametrize("name", NAMES)
def test_it_is_a_small_bundle_for_any_shape(name):
    wanted = expected(name)
    assert isinstance(wanted["universal"], bool)
    assert wanted["universal"] != bool(wanted.get("fails_on"))
    assert set(wanted.get("fails_on", ())) <= FAMILIES.keys()
    assert len(read_bundle(ZOO / name).weights) < 120 << 10
    build = load_build(ZOO / name)
    torch.manual_seed(0)
    for in_features, out_features in SHAPES:
        model = build(in_features, out_features).eval()
        wide = torch.float64 if getattr(model, "wants_float64", False) else torch.float32
        x = torch.rand(3, in_features, dtype=wide) * 2 - 1
        with torch.inference_mode():
            assert model(x).shape == (3, out_features)
            assert model(x).isfinite().all()


@pytest.mark.parametrize("name", FAST)
def test_the_probes_let_it_pass(name, looks):
    for result in looks[name].result():
        assert (result.passed, result.flagged) == (True, False), result.sentence


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_no_probe_minds_it_on_any_season(name, case_of):
    case = replace(case_of(ZOO / name), effort=probes.FULL_EFFORT)
    for season in (PRACTICE, *OTHERS):
        found = probes.run(replace(case, season=season), lambda *_: None)
        minded = [one.sentence for one in found.probes if not one.passed or one.flagged]
        assert not minded, season.name


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", NAMES)
def test_its_certificate(name):
    wanted, bundle = expected(name), read_bundle(ZOO / name)
    sandbox = find_sandbox(allow_unconfined=False)
    for season in (PRACTICE, *OTHERS[:2]):
        certificate = universality.certify(
            lambda: sandbox.start(bundle, limits=Limits(), device="cpu"), season, lambda *_: None
        ).result
        failed = {control.family for control in certificate.controls if not control.passed}
        assert set(wanted.get("fails_on", ())) <= failed
        assert certificate.passed == wanted["universal"], failed
