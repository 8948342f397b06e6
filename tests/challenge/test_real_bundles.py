"""Bundles as people really make them: files of their systems, marks of their editors, invisible names."""
# ruff: noqa: RUF001 - characters that look alike are what is tested

import dataclasses
import re
import zipfile

import numpy as np
import pytest
from safetensors.numpy import save

from challenge.bundle.manifest import parse_manifest
from challenge.bundle.names import find_invisible, is_blank, skeleton
from challenge.bundle.packer import pack
from challenge.bundle.reader import read_bundle
from challenge.results.refusals import RULES, as_json, page, refusal_of
from challenge.results.verdicts import EvaluationError, Reason

MANIFEST = b'api = 1\nname = "line"\nauthor = "A. Person"\ndescription = "y = a x + b"\n'
MODEL = b"import torch\n\ndef build(i, o):\n    return torch.nn.Linear(i, o)\n"
WEIGHTS = save({"weight": np.zeros((1, 2), np.float32), "bias": np.zeros(1, np.float32)})
FILES = {"submission.toml": MANIFEST, "model.py": MODEL, "weights.safetensors": WEIGHTS}


def zipped(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def folder_of(tmp_path, files=FILES):
    folder = tmp_path / "mine"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def refused(act):
    with pytest.raises(EvaluationError) as caught:
        act()
    return caught.value


FINDER = {f"mine/{name}": content for name, content in FILES.items()} | {
    "mine/": b"",
    "__MACOSX/": b"",
    "__MACOSX/mine/._model.py": b"\x00\x05\x16\x07",
    "mine/.DS_Store": b"Bud1",
}
WINDOWS = {f"mine\\{name}": content for name, content in FILES.items()} | {
    "mine\\frames\\01.png": b"x", "mine\\Thumbs.db": b"x", "mine\\desktop.ini": b"x",
    "mine\\@eaDir\\x": b"x", "mine\\.Trash-1000\\files\\old.py": b"x",
}  # fmt: skip
NOTEBOOK = FILES | {
    "__pycache__/model.cpython-313.pyc": b"x",
    ".ipynb_checkpoints/model-checkpoint.py": b"x",
    "frames/": b"",
}


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (FINDER, ("._model.py", ".DS_Store", "the folder 'mine'")),
        (WINDOWS, ("Thumbs.db", "desktop.ini", "the folder 'mine'")),
        (NOTEBOOK, ("__pycache__", ".ipynb_checkpoints")),
        ({f"a b é/{name}": content for name, content in FILES.items()}, ("the folder 'a b é'",)),
        ({"frames\\01.png": b"x"} | FILES, ()),
    ],
)
def test_what_systems_leave_in_archives_is_passed_over_and_said(tmp_path, files, said):
    bundle = read_bundle(zipped(tmp_path / "b.zip", files))
    plain = {name: content for name, content in bundle.files.items() if not name.startswith("frames/")}
    assert plain == FILES
    notes = " ".join(bundle.notes)
    assert all(word in notes for word in said)
    assert bool(bundle.notes) == bool(said)


@pytest.mark.parametrize(
    "files",
    [
        {f"mine/{name}": content for name, content in FILES.items()} | {"other/notes.txt": b"x"},
        {f"mine/{name}": content for name, content in FILES.items()} | {"mine/lib/helper.py": b"x"},
        {f"a/mine/{name}": content for name, content in FILES.items()},
        {f"../{name}": content for name, content in FILES.items()},
        {f"/{name}": content for name, content in FILES.items()},
        {f"..\\{name}": content for name, content in FILES.items()},
        FILES | {"mine/": b""},
        FILES | {".env": b"secret"},
        FILES | {"model.pyc": b"x"},
    ],
)
def test_everything_else_stays_refused_by_name(tmp_path, files):
    error = refused(lambda: read_bundle(zipped(tmp_path / "b.zip", files)))
    assert error.reason is Reason.ARCHIVE_MEMBER_REFUSED
    assert refusal_of(error).where in {name[:80] for name in files}


def test_a_file_twice_under_both_separators_is_refused(tmp_path):
    files = {"mine/model.py": MODEL, "mine\\model.py": b"import os"}
    error = refused(lambda: read_bundle(zipped(tmp_path / "b.zip", files)))
    assert "twice" in error.sentence


@pytest.mark.parametrize("marks", [1, 2])
def test_a_byte_order_mark_is_skipped(marks):
    assert parse_manifest(marks * b"\xef\xbb\xbf" + MANIFEST) == parse_manifest(MANIFEST)


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ('{"api": 1, "name": "line"}', "JSON"),
        (r"{\rtf1 api = 1}", "rich text"),
        ("<!DOCTYPE html>", "a web page"),
        ("api = 1\nname: line\n", "Line 2: name ="),
        ("api = 1\nname = my line\n", "Line 2: name ="),
        ('api = 1\ndescription = "in C:\\users"\n', "Line 2 has a backslash"),
    ],
)
def test_the_likely_cause_of_a_syntax_error_is_named(text, remedy):
    error = refused(lambda: parse_manifest(text.encode()))
    assert refusal_of(error).rule == "manifest.syntax"
    assert remedy in refusal_of(error).remedy


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
def test_utf_16_is_named(encoding):
    error = refused(lambda: parse_manifest(MANIFEST.decode().encode(encoding)))
    assert refusal_of(error).rule == "manifest.encoding"
    assert encoding[:6].upper() in error.sentence
    named = re.search(r"iconv -f (\S+) -t UTF-8", refusal_of(error).remedy)[1]
    assert "api = 1" in MANIFEST.decode().encode(encoding).decode(named)


def test_another_encoding_says_in_which_line():
    error = refused(lambda: parse_manifest(MANIFEST + 'method = "Präfix"'.encode("latin-1")))
    assert "UTF-8" in error.sentence
    assert "line 5" in error.sentence


def test_quotes_of_a_word_processor_are_named():
    error = refused(lambda: parse_manifest("api = 1\nname = “line”\n".encode()))
    assert "Line 2 has U+201C LEFT DOUBLE QUOTATION MARK" in refusal_of(error).remedy


@pytest.mark.parametrize("name", ["submission.toml", "model.py"])
def test_a_hidden_extension_is_named(tmp_path, name):
    files = {(f"{n}.txt" if n == name else n): content for n, content in FILES.items()}
    error = refused(lambda: read_bundle(folder_of(tmp_path, files)))
    assert refusal_of(error).rule == "bundle.hidden-extension"
    assert refusal_of(error).remedy == f"mv {name}.txt {name}"
    assert f"{name}.txt: its extension may be hidden" in error.sentence
    error = refused(lambda: read_bundle(zipped(tmp_path / "b.zip", files)))
    assert refusal_of(error).rule == "bundle.hidden-extension"
    assert name in refusal_of(error).remedy


@pytest.mark.parametrize("name", ["Model.py", "model.PY", "model (1).py", "model copy.py", "model - Copy.py"])
def test_a_name_that_is_almost_right_is_named(tmp_path, name):
    files = {(name if n == "model.py" else n): content for n, content in FILES.items()}
    for path in (folder_of(tmp_path, files), zipped(tmp_path / "b.zip", files)):
        error = refused(lambda path=path: read_bundle(path))
        assert name in error.sentence
        assert "model.py" in refusal_of(error).remedy


def test_a_bundle_in_a_folder_of_the_directory_is_found(tmp_path):
    folder_of(tmp_path)
    error = refused(lambda: read_bundle(tmp_path))
    assert "There is one in mine/" in error.sentence


@pytest.mark.parametrize("field", ["name", "author", "description", "method"])
@pytest.mark.parametrize(
    "text",
    ["\u200b", "a\u2060b", "\u3164", "a\u00adb", "Ada\u200e", "\U000e0041x", "\ue000", "A\U000e0101da",
     "Ad\u180ba", "\U0001d159"],
)  # fmt: skip
def test_what_nobody_can_see_is_refused_by_its_code_point(field, text):
    lines = dict(line.split(" = ", 1) for line in MANIFEST.decode().splitlines()) | {field: f'"{text}"'}
    content = "\n".join(f"{key} = {value}" for key, value in lines.items()).encode()
    error = refused(lambda: parse_manifest(content))
    character = next(c for c in text if c not in "abAdx")
    assert f"U+{ord(character):04X}" in error.sentence
    assert refusal_of(error).where == f"submission.toml: {field}"


@pytest.mark.parametrize("text", [" ", "\u00a0", "\u2003"])
def test_a_name_needs_something_to_read(text):
    content = MANIFEST.replace(b'"line"', f'"{text}"'.encode())
    assert "name is missing or empty" in refused(lambda: parse_manifest(content)).sentence


@pytest.mark.parametrize(
    "text", ["Søren", "李", "می‌خواهم", "क्‍ष", "👩‍💻 Ada ❤️", "e\u0301", "Ταῦ", "O'Neil & Sons (2)"]
)  # fmt: skip
def test_names_of_every_script_are_welcome(text):
    assert find_invisible(text) is None
    assert not is_blank(text)
    assert parse_manifest(MANIFEST.replace(b'"line"', f'"{text}"'.encode())).name == text


@pytest.mark.parametrize(
    ("one", "other"),
    [("Ada", "Аda"), ("Alice", "AIice"), ("Max0", "MaxO"), ("A  B", "A B"), ("Σ", "∑"), ("fi", "ﬁ"),
     ("ＡＢＣ", "ABC"), ("naïve", "nai\u0308ve"), ("barn", "bam")],
)  # fmt: skip
def test_names_that_look_alike_have_one_skeleton(one, other):
    assert skeleton(one) == skeleton(other)


@pytest.mark.parametrize(("one", "other"), [("Ada", "Ida"), ("Ada", "ADA"), ("é", "e"), ("李", "王")])
def test_names_that_differ_have_two(one, other):
    assert skeleton(one) != skeleton(other)


@pytest.mark.parametrize(
    ("value", "kept"), [("123", "123"), ('"https://a.example/e/7"', "https://a.example/e/7")]
)
def test_lineage_is_a_number_or_an_address(value, kept):
    assert parse_manifest(MANIFEST + f"builds_on = {value}".encode()).builds_on == kept


@pytest.mark.parametrize("value", ["true", "-1", "1.5", '"mine"', "[1]"])
def test_lineage_is_nothing_else(value):
    error = refused(lambda: parse_manifest(MANIFEST + f"builds_on = {value}".encode()))
    assert "builds_on" in error.sentence


def test_every_refusal_is_data(tmp_path):
    error = refused(lambda: read_bundle(zipped(tmp_path / "b.zip", FILES | {"evil.so": b"x"})))
    told = as_json(error)
    assert told["rule"] == "archive.member"
    assert told["where"] == "evil.so"
    assert "evil.so" in told["found"]
    assert told["remedy"] == "mbc pack DIR"
    assert told["right"] == RULES["archive.member"].right
    plain = EvaluationError(Reason.EXITED)
    assert refusal_of(plain).rule == "exited"
    assert all(dataclasses.asdict(refusal_of(EvaluationError(reason))) for reason in Reason)


def test_the_page_of_errors_is_made_from_the_table(request):
    written = (request.config.rootpath / "docs" / "errors.md").read_text(encoding="utf-8")
    assert written == page(), "python -m challenge.results.refusals > docs/errors.md"


def test_packing_says_what_was_left_out(tmp_path):
    folder = folder_of(tmp_path, FILES | {".DS_Store": b"x", "notes.txt": b"x"})
    said = " ".join(pack(folder, tmp_path / "mine.zip"))
    assert "notes.txt" in said
    assert read_bundle(tmp_path / "mine.zip").files == FILES
