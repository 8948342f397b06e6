"""Every attack of the museum gets the verdict it must get, and leaves nothing behind."""

import os
import tempfile
from collections import Counter
from pathlib import Path

import pytest

from challenge.results.verdicts import Reason
from evaluator import answers
from evaluator.sandbox import Landlock, Unconfined, bubblewrap, cgroups
from evaluator.sandbox.seccomp import filter_program
from tests.support import attack_runner, processes, providers

ATTACKS = attack_runner.attacks()
QUICK = 3


@pytest.fixture(scope="module", autouse=True)
def temporary(tmp_path_factory):
    """A folder for temporary files that no other process uses, and that a sandbox's user may enter."""
    # pytest's own folder outlives this module: made now, it does not lie in the one that is removed.
    tmp_path_factory.getbasetemp()
    with tempfile.TemporaryDirectory(prefix="mbc-test-") as folder, pytest.MonkeyPatch.context() as patch:
        Path(folder).chmod(0o711)
        patch.setattr(tempfile, "tempdir", folder)
        yield


@pytest.fixture(scope="module", autouse=True)
def one_sandbox():
    """Predict in one sandbox: under Landlock each imports torch anew."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(answers, "PREDICTING_SANDBOXES", 1)
        yield


@pytest.fixture(scope="module")
def sandbox(request):
    return providers.provider(request.param)


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    with attack_runner.host(tmp_path_factory.mktemp("host")) as found:
        yield found


@pytest.fixture(scope="module")
def honest(sandbox, tmp_path_factory):
    """An honest bundle, and its figures before any attack."""
    bundle = attack_runner.read(attack_runner.pack(attack_runner.HONEST), tmp_path_factory.mktemp("honest"))
    return bundle, attack_runner.score(bundle, sandbox)


@pytest.fixture
def waiting(sandbox):
    """Starts a sandbox for a bundle that is judged later, and ends it with the test."""
    begun = []

    def begin(bundle):
        begun.append(attack_runner.Waiting(sandbox, bundle))
        return begun[-1]

    yield begin
    for one in begun:
        one.end()


def traces():
    """What could be left of a submission: mounts, groups, and files of its user or of an attack's making."""
    found = set(Path("/proc/self/mountinfo").read_text().splitlines())
    groups = cgroups.find()
    for folder in groups.folders.values() if groups else ():
        # Other evaluators on this machine have groups of their own, which come and go.
        found |= {str(path) for path in folder.glob(f"mbc-{os.getpid()}-*")}
    for folder in ("/tmp", "/var/tmp", "/dev/shm", tempfile.gettempdir()):
        for path in Path(folder).iterdir():
            try:
                if path.lstat().st_uid == bubblewrap.DROP_TO or "mbc-attack" in path.name:
                    found.add(str(path))
            except FileNotFoundError:
                continue
    # Landlock's sandboxes have a folder each, here in one that no other test uses.
    found |= {str(path) for path in Path(tempfile.gettempdir()).glob("mbc-sandbox-*")}
    return found


def cases():
    """All of them under every provider; short are a few of every group, and what Landlock could get wrong."""
    for position, name in enumerate(providers.EVERY):
        quick = Counter()
        for attack in ATTACKS:
            quick[attack.group] += not attack.slow
            if position and attack.judged == "read":
                # No sandbox is started.
                continue
            few = attack.unmounted if position else not attack.slow and quick[attack.group] <= QUICK
            marks = [] if few else [pytest.mark.slow]
            yield pytest.param(name, attack.under(name), id=f"{name}-{attack.name}", marks=marks)


@pytest.mark.parametrize(("sandbox", "attack"), list(cases()), indirect=["sandbox"])
def test_attack(attack, sandbox, honest, waiting, host, tmp_path):
    if attack.needs == "filter" and not filter_program(gpu=False):
        pytest.skip("libseccomp is not installed")
    bundle, before = honest
    known, there = traces(), processes.descendants(os.getpid())
    # Started before the attack and judged after it: they lie beside it all the time.
    beside = waiting(bundle) if attack.judged != "read" else sandbox
    outcome = attack_runner.run(attack, sandbox, tmp_path, host)
    assert outcome.verdict == attack.verdict, outcome
    if attack.verdict == "scored":
        assert (outcome.figures != before.figures) == attack.other_figures
    elif attack.verdict in {reason.value for reason in Reason}:
        assert len(outcome.sentence) > 20
    # What a submission has seen and said is not what everybody is told.
    assert "SEEN" not in outcome.sentence
    assert not outcome.private or outcome.private not in outcome.sentence
    if attack.judged != "read":
        assert attack_runner.score(bundle, beside) == before
    # The server that sandboxes are forked from outlives them, and any attack.
    now = processes.descendants(os.getpid())
    assert {pid: now[pid] for pid in processes.alive(now)} == there
    assert not traces() - known


@pytest.mark.parametrize("sandbox", providers.FIRST, indirect=True)
def test_traces_see_a_sandbox(sandbox, honest, waiting):
    """So that "nothing is left" says something."""
    known = traces()
    with waiting(honest[0]).start(honest[0]):
        there = traces() - known
    groups = cgroups.find()
    folders = 1 if isinstance(sandbox, Landlock) else 0
    assert len(there) == len(set(groups.folders.values()) if groups else ()) + folders
    assert not traces() - known


@pytest.mark.slow
@pytest.mark.parametrize("attack", [pytest.param(a, id=a.name) for a in ATTACKS if a.works_unconfined])
def test_attack_works_without_a_sandbox(attack, host, tmp_path):
    outcome = attack_runner.run(attack, Unconfined(), tmp_path, host)
    assert outcome.verdict == "build_invalid", outcome
    assert "escaped" in outcome.private


@pytest.mark.parametrize("sandbox", providers.FIRST, indirect=True)
def test_the_honest_model_fits(sandbox, tmp_path):
    """So that "unlearned" says something of an attack."""
    fitted = attack_runner.Attack("honest", "", "", "learned", "fit")
    assert attack_runner.run(fitted, sandbox, tmp_path, {}).verdict == "learned"


def test_the_museum_covers_what_it_should():
    groups = Counter(attack.group for attack in ATTACKS)
    assert len(ATTACKS) >= 80
    assert set(groups) == {
        "archives", "weights", "building", "answers", "time", "processes", "memory", "output", "protocol",
        "forgery", "snooping", "sockets", "system calls", "survivors", "leaks", "channels",
    }  # fmt: skip
    assert min(groups.values()) >= 4
    assert all(attack.what.endswith(".") for attack in ATTACKS)
