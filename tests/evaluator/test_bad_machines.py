"""Machines that are in a bad way: disks that are full or read-only, no caches, a PATH that others write."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from challenge.results.verdicts import EvaluationError, Reason
from challenge.scoring.evaluation_set import EvaluationSize
from challenge.scoring.season import PRACTICE
from evaluator.api_client import Claim
from evaluator.preflight import examine
from evaluator.readiness import wait_for_sandbox
from evaluator.sandbox import Unconfined, find_sandbox
from evaluator.sandbox.limits import Limits
from evaluator.sandbox.staging import stage
from evaluator.worker import Worker
from tests.support.bundles import make_bundle
from tests.support.providers import USABLE

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["full", "read-only"])
def disk(request, tmp_path, monkeypatch):
    """The folder for temporary files, on a disk of its own that takes nothing more."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
    if os.geteuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("only root outside of containers can make a small disk")
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    try:
        if request.param == "full":
            (place / "ballast").write_bytes(bytes(60 << 10))
        else:
            subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


class Client:
    """Notes what a worker posts."""

    def __init__(self, bundle):
        self._bundle = bundle
        self.posted = []

    def bundle(self, _claim):
        return self._bundle

    def __getattr__(self, name):
        return lambda _claim, *rest: self.posted.append((name, *rest))


def test_an_evaluation_on_a_bad_disk_is_ours_to_try_again(disk):
    claim = Claim(7, "open", "lease", 60.0, PRACTICE, EvaluationSize(2, 2, 2), None, {})
    client = Client(bytes(100_000))
    Worker(client, Unconfined(), Limits(), "cpu").evaluate(claim)
    assert [name for name, *_ in client.posted] == ["status", "failure"]
    (_, error) = client.posted[-1]
    assert error.reason is Reason.DISK_FULL
    left = {path.name for path in disk.iterdir()}
    assert left <= {"ballast"}


def test_what_cannot_be_staged_leaves_nothing(disk):
    with pytest.raises(EvaluationError) as caught:
        stage(make_bundle(helper=" " * 100_000))
    assert caught.value.reason is Reason.DISK_FULL
    assert {path.name for path in disk.iterdir()} <= {"ballast"}


def test_without_a_folder_for_temporary_files_nothing_is_judged_and_that_is_said_once(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: [str(tmp_path / "none")])
    for own in (True, False):
        with pytest.raises(EvaluationError, match="name a folder in TMPDIR"):
            find_sandbox(allow_unconfined=own)
    findings = examine()
    assert not findings["can_judge"]
    assert "TMPDIR" in findings["sandbox"]
    said, told, slept = [], [], []

    def sleep(seconds):
        slept.append(seconds)
        if len(slept) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        wait_for_sandbox(lambda: find_sandbox(allow_unconfined=False), said.append, told.append, sleep)
    assert len(said) == 1
    assert len(told) == 3
    assert slept == sorted(slept)


@pytest.mark.sandbox
@pytest.mark.skipif(not USABLE, reason="no sandbox here")
def test_a_hostile_path_and_no_cache_change_nothing(tmp_path):
    """Names of every program that judging starts, in a folder that everybody may write, come first."""
    evil, touched = tmp_path / "evil", tmp_path / "touched"
    evil.mkdir()
    for name in ("bwrap", "unshare", "setpriv", "mount", "sh", "ldconfig", "python3", "git", "getconf"):
        (evil / name).write_text(f"#!/bin/sh\necho {name} >> {touched}\nexit 1\n")
        (evil / name).chmod(0o755)
    evil.chmod(0o777)
    environment = os.environ | {
        "PATH": f"{evil}:.:{os.environ['PATH']}",
        "XDG_CACHE_HOME": "/proc/nowhere",
        "PYTHONPATH": str(ROOT),
    }
    program = [sys.executable, "-m", "challenge.commands.cli", "doctor", "--json"]
    ran = subprocess.run(program, env=environment, cwd=evil, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["can_judge"]
    assert not touched.exists(), touched.read_text()
