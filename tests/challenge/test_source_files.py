"""Cache keys follow the code that a cached value depends on: its imports, and theirs."""

import sys

import pytest

from challenge.util import cache
from challenge.util.source_files import _file_of, source_files


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Write a package `keyed` whose `value` imports `direct`, and `deep` inside a function of `direct`."""
    root = tmp_path / "keyed"
    (root / "sub").mkdir(parents=True)
    files = {
        "__init__.py": "",
        "value.py": "import json\nfrom keyed import direct\nfrom keyed.sub.deeper import NUMBER\n",
        "direct.py": "def use():\n    from keyed.deep import number\n    return number\n",
        "deep.py": "number = 1\n",
        "sub/__init__.py": "",
        "sub/deeper.py": "import keyed.value\nNUMBER = 2\n",
        "unrelated.py": "import keyed.value\n",
    }
    for name, text in files.items():
        (root / name).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(cache.platformdirs, "user_cache_path", lambda name: tmp_path / name)
    _file_of.cache_clear()
    yield root
    for name in [name for name in sys.modules if name.partition(".")[0] == "keyed"]:
        del sys.modules[name]
    _file_of.cache_clear()


def names(root, modules):
    return [path.relative_to(root).as_posix() for path in source_files(modules)]


def test_imports_are_followed_also_those_inside_functions_and_in_circles(package):
    found = names(package, ["keyed.value"])
    assert found == ["__init__.py", "deep.py", "direct.py", "sub/deeper.py", "value.py"]
    assert names(package, ["keyed.deep"]) == ["deep.py"]


@pytest.mark.parametrize("changed", ["value.py", "direct.py", "deep.py", "sub/deeper.py", "__init__.py"])
def test_a_changed_dependency_changes_the_key(package, changed):
    before = cache.cache_path("thing", 7, modules=["keyed.value"])
    (package / changed).write_text((package / changed).read_text() + "# another version\n")
    assert cache.cache_path("thing", 7, modules=["keyed.value"]) != before


def test_an_unrelated_file_and_a_moved_checkout_do_not_change_the_key(package):
    before = cache.cache_path("thing", 7, modules=["keyed.value"])
    (package / "unrelated.py").write_text("import os\n")
    (package / "new.py").write_text("")
    assert cache.cache_path("thing", 7, modules=["keyed.value"]) == before
    assert cache.cache_path("thing", 8, modules=["keyed.value"]) != before
    assert cache.cache_path("other", 7, modules=["keyed.value"]) != before


def test_further_files_count_but_not_what_they_import(package):
    one = cache.cache_path("thing", modules=["keyed.deep"], files=[package / "unrelated.py"])
    (package / "value.py").write_text("")
    assert cache.cache_path("thing", modules=["keyed.deep"], files=[package / "unrelated.py"]) == one
    (package / "unrelated.py").write_text("")
    assert cache.cache_path("thing", modules=["keyed.deep"], files=[package / "unrelated.py"]) != one


def test_a_module_without_a_source_file_is_refused_by_name():
    with pytest.raises(ModuleNotFoundError, match=r"challenge\.scoring\.no_such_module"):
        source_files(["challenge.scoring.no_such_module"])


def test_the_keys_of_cached_truths_hold_the_generator():
    """What every cached truth depends on; a kernel that moves must not leave the key."""
    generator = {
        "mandelbrot/kernels/escape.py",
        "mandelbrot/kernels/float64_steps.py",
        "mandelbrot/parallel.py",
    }
    for module, further in (
        ("challenge.scoring.evaluation_set", {"scoring/season.py", "scoring/chains.py"}),
        ("challenge.targets.sets", {"targets/kernels/escape.py", "targets/kernels/warp.py"}),
    ):
        found = {path.as_posix().rpartition("challenge/")[2] for path in source_files([module])}
        assert generator | further <= found
