"""Every cheat of the museum gets the verdict that its expected.toml names, in the real sandbox."""

import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from challenge.bundle.reader import read_bundle
from challenge.controls import FAMILIES
from challenge.results.verdicts import EvaluationError
from challenge.scoring.evaluation_set import EvaluationSize
from challenge.scoring.season import PRACTICE
from evaluator import universality
from evaluator.assignment import Assignment
from evaluator.judge import judge
from evaluator.plan import FULL_EFFORT, EvaluationPlan
from evaluator.probes import capacity, consistency, dose, plasticity, scramble, twin, weights_match
from evaluator.sandbox import find_sandbox
from evaluator.sandbox.limits import CORES, Limits

CHEATS = Path(__file__).parent / "museum" / "cheats"
NAMES = sorted(path.parent.name for path in CHEATS.glob("*/expected.toml"))
PROBES = {one.NAME: one for one in (weights_match, consistency, scramble, twin, plasticity, capacity, dose)}
VERDICTS = ("rejected", "flagged", "scored", "failed")
# Each is one sandbox; the long tests ask all of them.
CHEAP = (consistency.NAME, scramble.NAME, capacity.NAME)


def expected(name):
    return tomllib.loads((CHEATS / name / "expected.toml").read_text(encoding="utf-8"))


def look(case_of, name):
    """What the fast test needs: {probe or family: (passed, flagged)}, or the reason why it failed."""
    wanted = expected(name)
    try:
        case = case_of(CHEATS / name)
    except EvaluationError as error:
        return {error.reason.value: (False, False)}
    seen = {}
    for what in wanted["by"][:1] or CHEAP:
        if what in PROBES:
            result = PROBES[what].run(case).result
            seen[what] = (result.passed, result.flagged)
        else:
            certified = universality.certify(case.code.start, PRACTICE, lambda *_: None, families=[what])
            seen[what] = (certified.result.passed, False)
    return seen


@pytest.fixture(scope="module")
def looks(request, case_of):
    """The cheats that were asked for, as many at a time as there are processors."""
    chosen = [item.callspec.params["name"] for item in request.session.items if "looks" in item.fixturenames]
    with ThreadPoolExecutor(CORES) as pool:
        futures = {name: pool.submit(look, case_of, name) for name in dict.fromkeys(chosen)}
        yield futures
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("name", NAMES)
def test_it_says_what_becomes_of_it_and_why(name):
    wanted = expected(name)
    assert wanted["verdict"] in VERDICTS
    assert set(wanted["by"]) <= PROBES.keys() | FAMILIES.keys() | {"weights_do_not_fit"}
    assert bool(wanted["by"]) == (wanted["verdict"] != "scored")
    assert len(wanted["why"]) > 20
    assert len(read_bundle(CHEATS / name).weights) < 120 << 10


def test_what_no_probe_can_see_is_named():
    told = (CHEATS.parent / "README.md").read_text(encoding="utf-8")
    for name in NAMES:
        if expected(name)["verdict"] == "scored":
            assert f"`{name}`" in told


@pytest.mark.parametrize("name", NAMES)
def test_what_should_catch_it_does(name, looks):
    wanted, seen = expected(name), looks[name].result()
    if not wanted["by"]:
        assert set(seen) == set(CHEAP)
        assert all(found == (True, False) for found in seen.values())
        return
    passed, flagged = seen[wanted["by"][0]]
    assert passed == (wanted["verdict"] == "flagged")
    assert flagged == (wanted["verdict"] == "flagged")


class Nobody:
    def status(self, *_): ...

    def picture(self, *_): ...

    def evidence(self, *_): ...


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_its_verdict_by_everything(name):
    size = EvaluationSize(chains=8, octaves=32, points=64)
    plan = EvaluationPlan(size, ("curve", "drawing", "cousin", "digits"), effort=FULL_EFFORT, places=())
    wanted = expected(name)
    task = Assignment(
        read_bundle(CHEATS / name),
        PRACTICE,
        find_sandbox(allow_unconfined=False),
        plan,
        Limits(),
        device="cpu",
    )
    if wanted["verdict"] == "failed":
        with pytest.raises(EvaluationError) as caught:
            judge(task, Nobody())
        assert [caught.value.reason.value] == wanted["by"]
        return
    report = judge(task, Nobody())
    assert report.verdict == ("rejected" if wanted["verdict"] == "rejected" else "scored")
    failed = {probe.name for probe in report.integrity.probes if not probe.passed}
    failed |= {control.family for control in report.universality.controls if not control.passed}
    flagged = {probe.name for probe in report.integrity.probes if probe.flagged}
    if wanted["verdict"] == "scored":
        assert (failed, flagged) == (set(), set())
    elif wanted["verdict"] == "rejected":
        # What rejects it comes first; others may be in doubt.
        assert wanted["by"][0] in failed
        assert set(wanted["by"]) <= failed | flagged
    else:
        assert set(wanted["by"]) <= flagged
