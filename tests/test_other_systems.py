"""What a participant does on macOS and Windows, in processes that lack what those systems lack."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def mbc(platform, folder, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "tests.support.other_system", platform, *map(str, arguments)],
        capture_output=True, text=True, check=False, timeout=200, cwd=ROOT,
        env=os.environ | {"MBC_CONFIG": str(folder / "config.toml"), "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


@pytest.mark.costly
def test_every_module_can_be_imported_on_macos(tmp_path):
    done = mbc("darwin", tmp_path, "import")
    # Runs as a program inside the sandbox alone.
    assert [line for line in done.stdout.splitlines() if "sandbox.runner" not in line] == []


@pytest.mark.costly
def test_what_participants_import_can_be_imported_on_windows(tmp_path):
    done = mbc("win32", tmp_path, "import")
    failed = {line.partition(":")[0] for line in done.stdout.splitlines()}
    # ctypes and multiprocessing of this system have no Windows inside; the evaluator judges elsewhere.
    assert {name for name in failed if name.startswith("challenge.")} <= {"challenge.mandelbrot.cuda"}


@pytest.mark.slow
@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_a_submission_is_made_drawn_and_packed(platform, tmp_path):
    mine = tmp_path / "mine"
    for arguments in (
        ("new", mine, "--from", "mlp", "--with-weights"),
        ("render", mine, "--octave", "2", "--size", "16", "-o", tmp_path / "x.png"),
        ("pack", mine, "--no-check", "-o", tmp_path / "mine.zip"),
    ):
        done = mbc(platform, tmp_path, *arguments)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "mine.zip").stat().st_size > 1000


@pytest.mark.slow
@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_scores_without_a_sandbox(platform, tmp_path):
    done = mbc(
        platform, tmp_path, "score", ROOT / "submissions" / "linear", "--quick", "--chains", "2", "--json"
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["sandbox"] == "none"
    assert report["octaves"] >= 0


@pytest.mark.costly
def test_windows_checks_a_bundle(tmp_path):
    done = mbc("win32", tmp_path, "check", ROOT / "submissions" / "linear")
    assert done.returncode == 0, done.stderr
    assert "is a valid bundle" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_others_are_not_judged_without_a_sandbox(platform, tmp_path):
    done = mbc(platform, tmp_path, "doctor")
    assert done.returncode == 5, done.stderr
    assert "Sandboxes are made on Linux alone" in done.stdout
