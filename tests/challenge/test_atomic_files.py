import pytest

from challenge.util.atomic_files import atomic_write


def test_a_file_is_there_whole_or_as_it_was(tmp_path):
    path = tmp_path / "a.txt"
    with atomic_write(path) as partial:
        partial.write_text("first")
        assert not path.exists()
    assert path.read_text() == "first"

    def fail():
        with atomic_write(path) as partial:
            partial.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a.txt", "first")]


def test_an_error_names_the_file_that_was_asked_for(tmp_path):
    path = tmp_path / "nowhere" / "a.txt"
    with pytest.raises(FileNotFoundError) as error, atomic_write(path) as partial:
        partial.write_text("x")
    assert error.value.filename == str(path)
    assert ".part" not in str(error.value)
