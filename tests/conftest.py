"""The order of the tests, the markers of those that start something, and the case that probes look at."""

import gc
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

# In a few processes that take whole files, none of these may be left over at the end: the longest first.
LONGEST = (
    "test_whole_way", "test_attacks", "leaderboard/test_browser", "leaderboard/test_play_browser",
    "evaluator/test_samples_track", "faults/test_faults", "test_museum", "submissions/test_references",
    "leaderboard/test_explorer", "leaderboard/test_serve", "evaluator/test_universality",
    "evaluator/test_reaper", "test_zoo", "leaderboard/test_several_servers", "challenge/test_comparison",
    "evaluator/test_certificate", "evaluator/test_judge", "evaluator/test_session",
    "leaderboard/test_access", "leaderboard/test_openapi", "leaderboard/test_worker_stages",
    "evaluator/test_forking", "evaluator/test_limits", "evaluator/test_tree", "challenge/test_commands",
    "challenge/test_kernels", "test_other_systems", "evaluator/test_samples_cli", "test_notebook",
)  # fmt: skip
TESTS = Path(__file__).parent

# Servers that a test starts are to give less than three times two minutes to whatever is handed in.
os.environ.setdefault("MBC_BOARD_SAMPLES", "4096")
os.environ.setdefault("MBC_BOARD_SAMPLES_SECONDS", "1.0")
os.environ.setdefault("MBC_BOARD_SAMPLES_GPU_SECONDS", "0.5")


# A test with one of these fixtures starts what the marker names; other tests carry the marker themselves.
STARTED_BY = {
    "sandbox": {"sandbox", "start", "case_of", "judges", "looks"},
    "server": {"server", "serving", "site", "deploy"},
    "browser": {"chromium", "page"},
}
# A command line with one of these words needs the marker.
STARTS = {
    "bwrap": "sandbox",
    "reaper.py": "sandbox",
    "chromium": "browser",
    "serve": "server",
    "worker": "server",
}
_running: list[pytest.Item] = []


def pytest_collection_modifyitems(items):
    for item in items:
        for marker, fixtures in STARTED_BY.items():
            if fixtures & set(item.fixturenames):
                item.add_marker(marker)
    items.sort(key=_place)


def _place(item):
    """Where in the order the file of a test stands."""
    name = item.path.relative_to(TESTS).with_suffix("").as_posix()
    return LONGEST.index(name) if name in LONGEST else len(LONGEST)


def pytest_collection_finish():
    """Keep the collector of cycles from what was imported: looking at it took a fifth of the small tests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    _running.append(item)
    try:
        return (yield)
    finally:
        _running.clear()


def _refuse_what_no_marker_says(event, arguments):
    """An audit hook: `make check` leaves out what starts something, so each test has to say that it does."""
    if event != "subprocess.Popen" or not _running or _running[0].get_closest_marker("slow"):
        return
    words = {Path(os.fsdecode(word)).name for word in (arguments[1] or ())}
    for word, marker in STARTS.items():
        if word in words and not _running[0].get_closest_marker(marker):
            raise AssertionError(f"{_running[0].nodeid} starts {word}: mark it with pytest.mark.{marker}")


sys.addaudithook(_refuse_what_no_marker_says)


@pytest.fixture(scope="session")
def case_of() -> Callable[[Path], object]:
    """From a bundle's directory to the case that `judge` would hand to the probes, on a small season."""
    # Here, so that other folders' tests do not wait for torch.
    from challenge.bundle.reader import read_bundle
    from challenge.scoring.evaluation_set import EvaluationSize, evaluation_set
    from challenge.scoring.metrics import measure
    from challenge.scoring.season import PRACTICE
    from evaluator.answers import predict
    from evaluator.assignment import Assignment
    from evaluator.judge import probe_case
    from evaluator.plan import EvaluationPlan
    from evaluator.sandbox import find_sandbox
    from evaluator.sandbox.limits import Limits

    class Nobody:
        def status(self, *_): ...

        def picture(self, *_): ...

        def evidence(self, *_): ...

    size = EvaluationSize(chains=4, octaves=32, points=128)
    views = evaluation_set(PRACTICE, size)
    sandbox = find_sandbox(allow_unconfined=False)

    def make(folder: Path) -> object:
        bundle = read_bundle(folder)
        # One thread, for two are looked at at the same time.
        task = Assignment(
            bundle, PRACTICE, sandbox, EvaluationPlan.open_track(size), Limits(threads=1), device="cpu"
        )
        measured = predict(task, views, Nobody())
        skill = measure(views.truth, measured.prediction).skill_by_chain
        return probe_case(task, views, measured, skill)

    return make
