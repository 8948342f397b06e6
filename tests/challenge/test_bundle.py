"""Every refusal is by name, and before anything of the bundle runs."""

import json
import os
import pickle
import stat
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from challenge.bundle.limits import FRAME_LIMIT, TEXT_LIMIT, weight_class
from challenge.bundle.manifest import parse_manifest
from challenge.bundle.packer import pack
from challenge.bundle.reader import read_bundle
from challenge.commands.cli_errors import explain_errors
from challenge.results.verdicts import EvaluationError, Reason

MANIFEST = b'api = 1\nname = "line"\nauthor = "A. Person"\ndescription = "y = a x + b"\n'
MODEL = b"import torch\n\ndef build(i, o):\n    return torch.nn.Linear(i, o)\n"
WEIGHTS = save({"weight": np.zeros((1, 2), np.float32), "bias": np.zeros(1, np.float32)})
FILES = {"submission.toml": MANIFEST, "model.py": MODEL, "weights.safetensors": WEIGHTS}


def archive(path, files=FILES, **extra):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
        for name, content in (files | extra).items():
            z.writestr(name, content)
    return path


def refusal(path):
    with pytest.raises(EvaluationError) as caught:
        read_bundle(path)
    return caught.value


def test_an_honest_archive_is_read(tmp_path):
    path = archive(
        tmp_path / "b.zip", **{"helper.py": b"A = 1\n", "frames/01.png": b"x", "README.md": b"# hi"}
    )
    bundle = read_bundle(path)
    assert bundle.manifest.name == "line"
    assert sorted(bundle.sources) == ["helper.py", "model.py"]
    assert bundle.size == len(MODEL) + len(b"A = 1\n") + len(WEIGHTS)
    assert bundle.weight_class == "feather"
    assert list(bundle.frames) == ["frames/01.png"]
    assert bundle.readme == "# hi"


def test_packing_a_directory_keeps_its_digest_and_says_what_was_left_out(tmp_path):
    directory = tmp_path / "mine"
    directory.mkdir()
    for name, content in FILES.items():
        (directory / name).write_bytes(content)
    (directory / "notes.txt").write_text("remember the milk")
    said = pack(directory, tmp_path / "mine.zip")
    assert any("notes.txt" in line for line in said)
    assert read_bundle(tmp_path / "mine.zip").digest == read_bundle(directory).digest
    again = (tmp_path / "mine.zip").read_bytes()
    pack(directory, tmp_path / "mine.zip")
    assert (tmp_path / "mine.zip").read_bytes() == again


def test_a_state_dict_is_converted_and_a_pickled_model_is_not(tmp_path):
    import torch

    directory = tmp_path / "mine"
    directory.mkdir()
    (directory / "submission.toml").write_bytes(MANIFEST)
    (directory / "model.py").write_bytes(MODEL)
    torch.save(torch.nn.Linear(2, 1), directory / "model.pt")
    with pytest.raises(EvaluationError, match=r"model\.pt cannot be loaded as weights only"):
        pack(directory, tmp_path / "mine.zip")
    torch.save(torch.nn.Linear(2, 1).state_dict(), directory / "model.pt")
    assert "2 tensors, weights only" in pack(directory, tmp_path / "mine.zip")[0]
    assert read_bundle(tmp_path / "mine.zip").weight_class == "feather"


@pytest.mark.parametrize(
    "name",
    [
        "../model.py", "/etc/passwd", "a/../../x.py", "weights.pkl", "model.so", "lib/helper.py", "model.pyc",
        "frames/../x.png", "frames/a.svg", "C:model.py", "MODEL.PY ", "weights.pt",
        "frames\\..\\a.png", "..\\model.py", "mödel.py",
    ],
)  # fmt: skip
def test_members_that_do_not_belong_are_refused_by_name(tmp_path, name):
    error = refusal(archive(tmp_path / "b.zip", **{name: b"x"}))
    assert error.reason is Reason.ARCHIVE_MEMBER_REFUSED
    assert repr(name) in error.sentence


def test_a_name_with_a_zero_byte_is_refused_whole(tmp_path):
    path = archive(tmp_path / "b.zip", **{"helper.py?.txt": b"x"})
    path.write_bytes(path.read_bytes().replace(b"helper.py?", b"helper.py\0"))
    error = refusal(path)
    assert error.reason is Reason.ARCHIVE_MEMBER_REFUSED
    assert "helper.py" in error.sentence


# Clears a screen, sets a window's title, ends a line, and turns the rest around.
STEERING = "\x1b[2J\x1b]0;x\x07\n\u202e" + 5000 * "x"


def said_of(act, capsys):
    with pytest.raises(SystemExit), explain_errors():
        act()
    return capsys.readouterr().err


@pytest.mark.parametrize(
    "files",
    [
        {STEERING: b"x"},
        {"frames/" + STEERING: b"x"},
        {"submission.toml": MANIFEST + json.dumps(STEERING).encode() + b" = 1\n"},
        {"weights.safetensors": save({STEERING: np.zeros(2, np.float32)})},
    ],
)
def test_what_is_quoted_of_a_bundle_does_not_steer_a_terminal(tmp_path, capsys, files):
    path = archive(tmp_path / "b.zip", **files)
    said = said_of(lambda: read_bundle(path), capsys)
    assert "\\x1b[2J" in said
    assert said.replace("\n", "").isprintable()
    assert len(said) < 1000


def test_nor_do_the_words_of_its_code(capsys):
    def fail():
        raise EvaluationError(Reason.FORWARD_FAILED, private=STEERING)

    assert said_of(fail, capsys).replace("\n", "").isprintable()


def test_notes_on_a_bundle_do_not_either(tmp_path):
    around = {f"a\x1b[2J/{name}": content for name, content in FILES.items()}
    for files in (FILES | {f"__MACOSX/{STEERING}": b"x"}, around):
        notes = read_bundle(archive(tmp_path / "b.zip", files)).notes
        assert len(notes) == 1
        assert notes[0].isprintable()
        assert len(notes[0]) < 200


def test_a_link_is_refused(tmp_path):
    link = zipfile.ZipInfo("README.md")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    path = archive(tmp_path / "b.zip")
    with zipfile.ZipFile(path, "a") as z:
        z.writestr(link, "/etc/passwd")
    error = refusal(path)
    assert error.reason is Reason.ARCHIVE_MEMBER_REFUSED
    assert "link" in error.sentence
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "README.md").symlink_to("/etc/passwd")
    assert "link" in refusal(tmp_path).sentence


@pytest.mark.costly
def test_a_bomb_is_stopped_at_its_limit(tmp_path):
    path = archive(tmp_path / "b.zip", **{"README.md": bytes(50 * TEXT_LIMIT)})
    assert path.stat().st_size < TEXT_LIMIT
    error = refusal(path)
    assert error.reason is Reason.ARCHIVE_TOO_LARGE
    assert "README.md" in error.sentence
    frames = {f"frames/{i:03}.png": bytes(FRAME_LIMIT) for i in range(20)}
    assert "frames unpack" in refusal(archive(tmp_path / "f.zip", **frames)).sentence


def test_a_lying_size_does_not_get_past_the_limit(tmp_path):
    path = archive(tmp_path / "b.zip", **{"README.md": bytes(2 * TEXT_LIMIT)})
    content = path.read_bytes()
    path.write_bytes(content.replace(struct.pack("<I", 2 * TEXT_LIMIT), struct.pack("<I", 10)))
    assert refusal(path).reason in {Reason.ARCHIVE_TOO_LARGE, Reason.ARCHIVE_UNREADABLE}


def test_duplicates_encryption_odd_methods_truncation_and_noise_are_refused(tmp_path):
    path = archive(tmp_path / "dup.zip")
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as z:
        z.writestr("model.py", b"import os")
    assert "twice" in refusal(path).sentence
    with zipfile.ZipFile(tmp_path / "lzma.zip", "w", zipfile.ZIP_LZMA) as z:
        for name, content in FILES.items():
            z.writestr(name, content)
    assert "method" in refusal(tmp_path / "lzma.zip").sentence
    whole = archive(tmp_path / "w.zip").read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[: len(whole) // 2])
    assert refusal(tmp_path / "cut.zip").reason is Reason.ARCHIVE_UNREADABLE
    (tmp_path / "noise.zip").write_bytes(os.urandom(1000))
    assert refusal(tmp_path / "noise.zip").reason is Reason.ARCHIVE_UNREADABLE
    encrypted = bytearray(whole)
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = encrypted.find(magic)
        while at >= 0:
            encrypted[at + offset] |= 1
            at = encrypted.find(magic, at + 1)
    (tmp_path / "enc.zip").write_bytes(encrypted)
    assert "encrypted" in refusal(tmp_path / "enc.zip").sentence


@pytest.mark.parametrize("missing", FILES)
def test_a_missing_file_is_named(tmp_path, missing):
    files = {name: content for name, content in FILES.items() if name != missing}
    error = refusal(archive(tmp_path / "b.zip", files))
    assert error.reason is Reason.FILE_MISSING
    assert missing in error.sentence


def test_nothing_at_the_path(tmp_path):
    assert "nothing at" in refusal(tmp_path / "none.zip").sentence


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (b"api = 2", "says api = 2"), (b"api = true", "says api = True"),
        (b"name = 'x'", "line `api = 1` is missing"),
        (b"api = 1\nname = 3", "name"),
        (b"api = 1\nname = 'x'\nauthor = 'y'", "description"),
        (b"api = 1\nname = ' '\nauthor = 'y'\ndescription = 'z'", "name"),
        (b"\xff", "UTF-8"), (b"a = [", "TOML"),
        (MANIFEST + b"shell = 'x'", "shell"),
        (MANIFEST + b"url = 'javascript:alert(1)'", "url"),
        (MANIFEST + b'method = "a\\u202eb"', "method"),
        (MANIFEST + b"license = '" + b"x" * 300 + b"'", "license"),
    ],
)  # fmt: skip
def test_a_wrong_manifest_names_the_field(change, named):
    with pytest.raises(EvaluationError, match=named) as caught:
        parse_manifest(change)
    assert caught.value.reason is Reason.MANIFEST_INVALID


def header(entries, data=b""):
    text = json.dumps(entries).encode() if not isinstance(entries, bytes) else entries
    return struct.pack("<Q", len(text)) + text + data


def tensor(start, end, shape, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


@pytest.mark.parametrize(
    "weights",
    [
        b"", b"\x01", struct.pack("<Q", 1 << 60) + b"{}", struct.pack("<Q", 2_000_000) + bytes(2_000_000),
        pickle.dumps({"weight": [1, 2]}), header(b"[]"), header(b"{}"), header(b"not json"),
        header(b'{"a": {"dtype": "F32"}, "a": {}}'), header({"a": tensor(0, 8, [1])}, bytes(8)),
        header({"a": tensor(0, 4, [1]), "b": tensor(2, 6, [1])}, bytes(6)),
        header({"a": tensor(4, 8, [1])}, bytes(8)),
        header({"a": tensor(0, 4, [1])}, bytes(9)), header({"a": tensor(0, 4, [-1])}, bytes(4)),
        header({"a": tensor(0, 4, [True])}, bytes(4)), header({"a": tensor(0, 4, [1], "OBJ")}, bytes(4)),
        header({"a": tensor(0, 4 * 10**10, [10**10])}, bytes(4)),
        header({f"{i}": tensor(4 * i, 4 * i + 4, [1]) for i in range(2001)}, bytes(8004)),
        header(b"[" * 100_000),
    ],
)  # fmt: skip
def test_absurd_weights_are_refused(tmp_path, weights):
    error = refusal(archive(tmp_path / "b.zip", FILES | {"weights.safetensors": weights}))
    assert error.reason is Reason.WEIGHTS_INVALID
    assert len(error.detail) > 10


def test_weight_classes_end_where_the_contract_says():
    kib = 1024
    assert [weight_class(size) for size in (64 * kib, 64 * kib + 1, 1024 * kib, 16 * 1024 * kib)] == [
        "feather", "light", "light", "middle",
    ]  # fmt: skip
    with pytest.raises(EvaluationError):
        weight_class(256 * 1024 * kib + 1)


def test_a_failed_pack_leaves_the_old_archive(tmp_path):
    out = tmp_path / "old.zip"
    out.write_bytes(b"old")
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(EvaluationError):
        pack(empty, out)
    assert out.read_bytes() == b"old"
    assert [p.name for p in Path(tmp_path).iterdir() if "part" in p.name] == []
