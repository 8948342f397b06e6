"""Finding a sandbox that works, and saying what is missing where there is none."""

import errno
import importlib.util
import os
import shutil
import subprocess
import sys
import textwrap
from importlib.machinery import ModuleSpec
from pathlib import Path

import numpy as np
import pytest
import torch

from challenge.results.verdicts import EvaluationError, Reason
from evaluator import sandbox as sandboxes
from evaluator.sandbox import Bubblewrap, bubblewrap, diagnosis, find_sandbox, mounts
from evaluator.sandbox.seccomp import filter_program
from tests.support.providers import needs_bubblewrap

ROOT = Path(__file__).parents[2]
X = np.zeros((4, 2))
LINE = "from torch import nn\ndef build(i, o):\n    return nn.Linear(i, o)\n"


def ends(reason, act):
    with pytest.raises(EvaluationError) as caught:
        act()
    assert caught.value.reason is reason, (caught.value, caught.value.private)
    return caught.value


def test_a_child_that_never_reads_does_not_hold_the_judge(start):
    source = "import threading, time\n" + LINE + "def fit(model, x, y, budget):\n    time.sleep(1000)\n"
    session = start(source, state={"weight": torch.zeros(1, 2), "bias": torch.zeros(1)}, request_seconds=1.0)
    session.load()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("evaluator.sandbox.session.GRACE_SECONDS", 0.2)
        from challenge.training.refit import Budget

        ends(Reason.TIME_EXCEEDED, lambda: session.fit(X, X[:, :1], Budget(seconds=0.2), 0))
    # It sleeps, and the pipe is full long before four million bytes.
    ends(Reason.TIME_EXCEEDED, lambda: session.predict(np.zeros((60_000, 2))))


def test_without_bubblewrap_other_peoples_code_is_not_run(monkeypatch):
    monkeypatch.setattr("evaluator.sandbox.programs.find", lambda _name: None)
    monkeypatch.setattr("evaluator.sandbox.diagnosis.landlock_abi", lambda: (0, errno.ENOSYS))
    error = ends(Reason.SANDBOX_UNAVAILABLE, lambda: find_sandbox(allow_unconfined=False))
    assert "apt-get install bubblewrap" in error.sentence
    assert error.fault == "platform"
    assert find_sandbox(allow_unconfined=True).name == "none"


@pytest.mark.sandbox
def test_a_bubblewrap_that_does_not_work_is_explained(monkeypatch, tmp_path):
    # Where namespaces can be made: elsewhere the layer that refuses them is named.
    monkeypatch.setattr(diagnosis, "observe", lambda *_: diagnosis.Machine("6.8.0", "#1 SMP"))
    for said, advice in (
        ("bwrap: Unknown option --disable-userns", "0.8 or later"),
        ("bwrap: setting up uid map: Permission denied", "setting up uid map"),
    ):
        program = tmp_path / "bwrap"
        program.write_text(f"#!/bin/sh\necho '{said}' >&2\nexit 1\n")
        program.chmod(0o755)
        for folder in (tmp_path, *tmp_path.parents):
            if folder.owner() != "root" or folder == tmp_path:
                folder.chmod(0o755)
        sandbox = Bubblewrap(strangers=False)
        monkeypatch.setattr(sandbox, "_program", str(program))
        monkeypatch.setattr(sandbox, "_user", None)
        assert advice in ends(Reason.SANDBOX_UNAVAILABLE, sandbox.try_out).sentence


@pytest.mark.sandbox
def test_an_environment_behind_a_closed_door_is_named(monkeypatch, tmp_path):
    prefix = tmp_path / "home" / "venv"
    prefix.mkdir(parents=True)
    door = next(
        (folder for folder in reversed(prefix.parents) if not folder.stat().st_mode & 1), prefix.parent
    )
    door.chmod(0o700)
    assert mounts.first_closed_directory(prefix) == door
    monkeypatch.setattr(sys, "prefix", str(prefix))
    sandbox = Bubblewrap(strangers=False)
    monkeypatch.setattr(bubblewrap, "makes_namespaces", lambda _program: True)
    monkeypatch.setattr(sandbox, "_program", "/bin/false")
    monkeypatch.setattr(sandbox, "_user", bubblewrap.DROP_TO)
    monkeypatch.setattr(sandbox, "_as_user", lambda command: (command, None))
    assert f"behind {door}" in ends(Reason.SANDBOX_UNAVAILABLE, sandbox.try_out).sentence


@needs_bubblewrap
@pytest.mark.skipif(os.geteuid() != 0, reason="only root owns what its sandbox's user cannot enter")
@pytest.mark.sandbox
def test_an_environment_in_tmp_and_behind_a_closed_door_works(tmp_path):
    # As `git clone` in /root, by root: the environment is there, and strangers may not enter.
    prefix = tmp_path / "venv"
    packages = Path(torch.__file__).parents[1]
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", prefix], check=True)
    theirs = next(prefix.glob("lib/python3*/site-packages"))
    needed = [
        "torch",
        "torchgen",
        "numpy",
        "numpy.libs",
        "safetensors",
        "typing_extensions.py",
        "pyseccomp.py",
    ]
    needed += ["pydantic", "pydantic_core", "annotated_types", "typing_inspection", "platformdirs"]
    needed += ["filelock", "sympy", "mpmath", "networkx", "jinja2", "markupsafe", "fsspec"]
    links = [packages / name for name in needed if (packages / name).exists()]
    if subprocess.run(["cp", "-al", *links, theirs], capture_output=True, check=False).returncode:
        shutil.rmtree(prefix)
        pytest.skip("the environment is on another disk")
    tmp_path.chmod(0o700)
    script = f"""
        import sys
        sys.path.insert(0, {str(ROOT)!r})
        from evaluator.sandbox import find_sandbox
        from evaluator.sandbox.limits import Limits
        from challenge.bundle.manifest import Manifest
        from challenge.bundle.reader import Bundle
        from safetensors.numpy import save
        import numpy
        sandbox = find_sandbox(allow_unconfined=False)
        source = b"import os, tempfile; raise KeyError(os.path.exists('/mnt'), tempfile.gettempdir())"
        weights = save({{"a": numpy.zeros(1)}})
        bundle = Bundle(Manifest("a", "b", "c"), {{"model.py": source, "weights.safetensors": weights}})
        with sandbox.start(bundle, limits=Limits(), device="cpu") as session:
            try:
                session.load()
            except Exception as error:
                print(error.reason, error.private.splitlines()[-1])
    """
    ran = subprocess.run(
        [prefix / "bin" / "python", "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        check=False,
    )
    shutil.rmtree(prefix)
    assert ran.stdout == "model_code_failed KeyError: (False, '/tmp')\n", ran.stderr


def test_our_packages_are_hidden_where_they_are_installed_beside_torch(monkeypatch):
    real = importlib.util.find_spec

    def find_spec(name):
        spec = ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = ["/usr/lib/python3/dist-packages/challenge"]
        return spec if name == "challenge" else real(name)

    monkeypatch.setattr(importlib.util, "find_spec", find_spec)
    folder = "/usr/lib/python3/dist-packages/challenge"
    masks = mounts._masks([Path("/usr")])
    assert masks == ["--size", "4096", "--tmpfs", folder, "--remount-ro", folder]


@needs_bubblewrap
@pytest.mark.parametrize(
    ("hole", "named"),
    [
        (["--share-net"], "the host's network"),
        (["--bind", "/tmp", "/tmp", "--bind", "/dev", "/dev"], "the host's files"),
    ],
)
@pytest.mark.sandbox
def test_a_sandbox_with_a_hole_judges_nothing(monkeypatch, hole, named):
    sandbox = Bubblewrap()
    whole = sandbox._arguments
    monkeypatch.setattr(sandbox, "_arguments", lambda limits: [*whole(limits), *hole])
    assert named in ends(Reason.SANDBOX_UNAVAILABLE, sandbox.try_out).sentence


def test_what_is_in_force_is_described(sandbox):
    described = sandbox.describe()
    assert described["network"].startswith("none")
    assert ("allow list" in described["system calls"]) == bool(filter_program(gpu=False))
    assert sandboxes.Unconfined().describe()["confinement"].startswith("none")
