"""The wheel and the sdist, built and installed by pip, and a participant's way from an empty folder."""

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


@pytest.fixture(scope="module")
def mbc(built, tmp_path_factory):
    """mbc(*arguments) runs the command of a fresh environment, without extras, in an empty folder."""
    place = tmp_path_factory.mktemp("installed")
    (wheel,) = built.glob("*.whl")
    bin_ = place / "venv" / "bin"
    for command in (
        (sys.executable, "-m", "venv", place / "venv"),
        (bin_ / "pip", "install", "-q", "-c", ROOT / "constraints.txt", wheel),
    ):
        # pip would take a package beside PYTHONPATH for installed.
        done = run(*command, cwd=place, PYTHONPATH="")
        assert done.returncode == 0, done.stderr[-3000:]
    work = place / "work"
    work.mkdir()

    def call(*arguments, code=0):
        environment = {"PYTHONPATH": "", "MBC_CONFIG": str(place / "config.toml")}
        done = run(bin_ / "mbc", *arguments, cwd=work, **environment)
        print("$ mbc", *arguments, f"\n{done.stdout}{done.stderr}")
        assert done.returncode == code, f"{arguments}: {done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    call.work, call.python = work, bin_ / "python"
    return call


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


def test_the_sdist_makes_the_same_wheel(built, tmp_path):
    (sdist,), (wheel,) = built.glob("*.tar.gz"), built.glob("*.whl")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path)
    (source,) = tmp_path.iterdir()
    done = run(sys.executable, "-c", BUILD, tmp_path, cwd=source)
    assert done.returncode == 0, done.stderr[-3000:]
    (again,) = tmp_path.glob("*.whl")
    one, other = (zipfile.ZipFile(path) for path in (wheel, again))
    assert {f.filename: f.CRC for f in one.infolist()} == {f.filename: f.CRC for f in other.infolist()}


def test_a_participants_way_from_an_empty_folder(mbc):
    assert "fourier" in mbc("new", "--list").split()
    mbc("new", "mine", "--from", "mlp", "--author", "Ada")
    mbc("train", "mine", "--seconds", "3")
    assert "octaves" in mbc("score", "mine", "--quick", "--chains", "2")
    assert "valid bundle" in mbc("check", "mine")
    mbc("render", "mine", "--place", "seahorse-valley", "--octave", "2", "--size", "32", "-o", "mine.png")
    mbc("film", "mine", "-o", "mine.webp")
    mbc("fit", "--on", "curve", "mlp", "--seconds", "1", "-o", "fit.webp")
    mbc("pack", "mine")
    for name in ("mine.png", "mine.webp", "fit.webp", "mine.zip"):
        assert (mbc.work / name).stat().st_size > 500
    assert "submit" in mbc("submit", "--help")
    mbc("new", "small", "--from", "tiny_grid", "--with-weights")
    assert (mbc.work / "small" / "model.py").exists()
    assert "works" in mbc("doctor")


def test_a_network_in_memory_is_scored_and_packed(mbc):
    (mbc.work / "own.py").write_text(
        "from torch import nn\n"
        "from challenge import pack, score\n"
        "class Own(nn.Sequential):\n"
        "    def __init__(self, inputs, outputs):\n"
        "        super().__init__(nn.Linear(inputs, 8), nn.GELU(), nn.Linear(8, outputs))\n"
        "model = Own(2, 1)\n"
        "print(score(model, chains=2).octaves)\n"
        "print(pack(model, 'own.zip', name='own', author='Ada', description='A test.'))\n"
    )
    done = run(mbc.python, "own.py", cwd=mbc.work, PYTHONPATH="")
    assert done.returncode == 0, done.stderr
    assert (mbc.work / "own.zip").stat().st_size > 500


@pytest.mark.parametrize("command", [["serve"], ["serve", "--references"], ["admin", "users", "list"]])
def test_what_needs_the_server_names_its_extra(mbc, command):
    said = mbc(*command, code=5)
    assert len(said.splitlines()) == 1
    assert "pip install 'mandelbrot-challenge[server]'" in said
