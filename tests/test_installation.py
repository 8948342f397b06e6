"""The wheel and the sdist, built from what Git tracks: what they hold."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
BUILD = """
import sys
from setuptools import build_meta
out = sys.argv[1]  # setuptools replaces sys.argv
build_meta.build_sdist(out)
build_meta.build_wheel(out)
"""


def run(*command, cwd, **environment):
    return subprocess.run(
        [*map(str, command)],
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with the wheel and the sdist of this tree."""
    out = tmp_path_factory.mktemp("built")
    source = out / "source"
    files = run("git", "ls-files", "-z", cwd=ROOT).stdout.split("\0")
    for name in filter(None, files):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    done = run(sys.executable, "-c", BUILD, out, cwd=source)
    assert done.returncode == 0, done.stderr[-3000:]
    return out


def test_the_wheel_holds_the_references_and_little_else(built):
    (wheel,) = built.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    for kind in ("mlp", "fourier", "hash_grid", "tiny_grid"):
        assert f"challenge/references/{kind}/weights.safetensors" in names
    assert "challenge/references/quadtree/variant.toml" in names
    assert "challenge/references/quadtree/weights.safetensors" not in names
    assert {f"{package}/py.typed" for package in ("challenge", "evaluator", "leaderboard")} <= names
    assert "leaderboard/documents/integrity.md" in names
    assert not [name for name in names if name.startswith(("tests/", "submissions/", "docs/"))]
    assert wheel.stat().st_size < 10 << 20


def test_the_sdist_is_complete(built):
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for name in (
        "constraints.txt", "docs/spec.md", "scripts/environment.sh", "submissions/mlp/model.py", "setup.py",
        "tests/test_installation.py", "Makefile", "deploy/Containerfile",
        "leaderboard/documents/integrity.md",
    ):  # fmt: skip
        assert name in names, name
