import zipfile

import pytest
from click.testing import CliRunner

from challenge.bundle.packer import pack
from challenge.bundle.reader import read_bundle
from challenge.bundle.variants import borrowed_files, source_file
from challenge.commands.cli import mbc
from challenge.results.verdicts import EvaluationError
from challenge.training.local_model import load_build
from tests.support import seed_data

MODEL = """
from size import WIDTH
from torch import nn


def build(i, o):
    return nn.Sequential(nn.Linear(i, WIDTH), nn.Linear(WIDTH, o))
"""


@pytest.fixture
def small(tmp_path):
    """The directory `small`, a variant of the directory `large` beside it."""
    for name, width in (("large", 64), ("small", 8)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "submission.toml").write_text(
            f'api = 1\nname = "{name}"\nauthor = "Ada"\ndescription = "A test."\n'
        )
        (folder / "size.py").write_text(f"WIDTH = {width}\n")
        (folder / "weights.safetensors").write_bytes(seed_data.safetensors(width))
    (tmp_path / "large" / "model.py").write_text(MODEL)
    (tmp_path / "small" / "variant.toml").write_text('of = "large"\nfiles = ["model.py"]\n')
    return tmp_path / "small"


def test_it_is_read_as_a_bundle_with_every_file(small):
    bundle, other = read_bundle(small), read_bundle(small.parent / "large")
    assert bundle.files["model.py"] == MODEL.encode()
    assert bundle.files.keys() == other.files.keys()
    assert bundle.files["size.py"] == b"WIDTH = 8\n"


def test_an_archive_holds_every_file_itself(small, tmp_path):
    told = pack(small, tmp_path / "small.zip")
    assert not any("Left out" in line for line in told)
    assert "model.py" in zipfile.ZipFile(tmp_path / "small.zip").namelist()
    assert read_bundle(tmp_path / "small.zip").digest == read_bundle(small).digest


def test_the_borrowed_code_is_run_with_the_helpers_beside_the_variant(small):
    assert load_build(small)(2, 1)[0].out_features == 8
    assert load_build(small.parent / "large")(2, 1)[0].out_features == 64


def test_a_directory_without_one_borrows_nothing(small):
    large = small.parent / "large"
    assert borrowed_files(large) == {}
    assert source_file(large, "model.py") == large / "model.py"
    assert source_file(small, "model.py").samefile(large / "model.py")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("of = ", "is not TOML"),
        ('files = ["model.py"]', "has no 'of'"),
        ('of = "large"', "has no 'files'"),
        ('of = "large"\nfiles = "model.py"', "not a list of names"),
        ('of = "large"\nfiles = ["model.py"]\nmore = 1', "more than of and files: more"),
        ('of = "../small/../large"\nfiles = ["model.py"]', "not a directory beside this"),
        ('of = ".."\nfiles = ["model.py"]', "not a directory beside this"),
        ('of = "large"\nfiles = ["../large/model.py"]', "is not a file of a bundle"),
        ('of = "large"\nfiles = ["secret.txt"]', "is not a file of a bundle"),
        ('of = "large"\nfiles = ["tree.py"]', "There is no tree.py"),
        ('of = "large"\nfiles = ["model.py", "size.py"]', "is here as well"),
    ],
)
def test_what_cannot_be_followed_is_named(small, text, sentence):
    (small / "variant.toml").write_text(text)
    with pytest.raises(EvaluationError, match=sentence.replace(".", r"\.")):
        read_bundle(small)


def test_a_link_is_not_followed(small):
    (small.parent / "large" / "model.py").unlink()
    (small.parent / "large" / "model.py").symlink_to("/etc/hostname")
    with pytest.raises(EvaluationError, match="is a link"):
        read_bundle(small)


def test_new_copies_the_files_of_a_variant(tmp_path):
    done = CliRunner().invoke(mbc, ["new", str(tmp_path / "mine"), "--from", "tiny_grid"])
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in (tmp_path / "mine").iterdir()) == [
        "model.py", "size.py", "submission.toml", "train.toml",
    ]  # fmt: skip
    assert load_build(tmp_path / "mine")(2, 1) is not None
