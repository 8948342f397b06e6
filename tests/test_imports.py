"""What importing a module loads: commands start at once, and no layer brings packages of others."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
WEB = {"flask", "sqlalchemy", "celery", "gunicorn", "authlib", "limits"}
# What trains, adopts or judges a model cannot do without torch; nothing else of these packages loads it.
NEEDS_TORCH = (
    "challenge.bundle.adoption",
    "challenge.bundle.state_dict",
    "challenge.commands.live",
    "challenge.training.",
)
PROGRAM = """
import importlib, json, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def modules(package):
    """Names of a package's modules; migrations are scripts."""
    for path in sorted((ROOT / package).rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        if "migrations" not in name:
            yield name


def loaded(*names):
    """Top-level packages that are there once these modules are."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *names], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout))


@pytest.mark.costly
def test_the_challenge_loads_no_web_and_torch_where_it_trains_alone():
    light = [name for name in modules("challenge") if not name.startswith(NEEDS_TORCH)]
    assert len(light) > 80
    there = loaded(*light)
    assert not there & (WEB | {"torch", "matplotlib", "sklearn", "evaluator", "leaderboard"})


@pytest.mark.costly
def test_the_leaderboard_loads_neither_torch_nor_compilers():
    names = list(modules("leaderboard"))
    assert len(names) > 100
    there = loaded(*names)
    assert "flask" in there
    assert not there & {"torch", "numba", "matplotlib", "sklearn", "evaluator"}


@pytest.mark.costly
def test_the_judge_loads_no_web():
    # The runner is a script of the sandbox.
    there = loaded(*(name for name in modules("evaluator") if name != "evaluator.sandbox.runner"))
    assert "torch" in there
    assert not there & ((WEB - {"celery"}) | {"matplotlib", "leaderboard"})


def test_help_is_there_before_anything_large_is_loaded():
    """Counted in modules, which do not depend on what else the machine does."""
    program = (
        "import sys\nfrom challenge.commands.cli import main\n"
        "sys.argv = ['mbc', '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    there = set(done.stderr.split())
    assert "Usage: mbc" in done.stdout
    assert "serve" in done.stdout
    large = {"numpy", "torch", "numba", "pydantic", "httpx", "PIL", "rich", *WEB}
    assert not {name.partition(".")[0] for name in there} & large
    assert len(there) < 400
