import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from challenge.commands.cli import mbc
from challenge.imaging.films import (
    FRAMES_PER_SECOND,
    HOLD_FRAMES,
    ZoomPath,
    training_film,
    write_film,
    zoom_film,
)
from challenge.mandelbrot.coordinates import to_plane
from challenge.mandelbrot.target import target

SMALL = ZoomPath((-0.75, 0.1), 2, 5, 0.5, 24)


def knows(x):
    return target(to_plane(x))


def test_a_zoom_goes_where_it_should_and_draws_skill():
    assert SMALL.octaves()[0] == 2
    assert SMALL.octaves()[-1] == 5
    right, wrong = (list(zoom_film(SMALL, answer)) for answer in (knows, lambda x: np.zeros(len(x))))
    assert len({picture.size for picture in right + wrong}) == 1
    # The truth of both is the same, and the model's picture that of the truth where it knows.
    ours, theirs = (np.asarray(film[3])[22:46] for film in (right, wrong))
    assert np.array_equal(ours[:, :24], theirs[:, :24])
    assert np.array_equal(ours[:, :24], ours[:, 28:52])
    assert not np.array_equal(theirs[:, :24], theirs[:, 28:52])
    # The curve of the skill runs along the top for one, along the bottom for the other.
    bright = [
        (np.asarray(film[-1])[50:] == (245, 190, 90)).all(axis=2).nonzero()[0] for film in (right, wrong)
    ]
    assert np.median(bright[0]) + 20 < np.median(bright[1])


# imageio-ffmpeg leaves the pipes of its ffmpeg to the garbage collector.
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
@pytest.mark.parametrize("ending", [".webp", ".mp4"])
def test_a_film_can_be_read_back(tmp_path, ending):
    path = tmp_path / f"film{ending}"
    count = write_film(zoom_film(SMALL, knows), path)
    assert count == len(SMALL.octaves()) + 2 * FRAMES_PER_SECOND
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    if ending == ".webp":
        with Image.open(path) as film:
            assert film.size[0] == 3 * 24 + 8
            assert film.n_frames >= len(SMALL.octaves())
        return
    import imageio_ffmpeg

    reader = imageio_ffmpeg.read_frames(str(path))
    assert next(reader)["size"][0] == 3 * 24 + 8
    assert sum(1 for _ in reader) == count


def test_learning_fades_from_frame_to_frame():
    frames = [Image.new("RGB", (16, 16), (shade, 0, 0)) for shade in (0, 100)]
    shades = [np.asarray(p)[30, 25, 0] for p in training_film(frames, Image.new("RGB", (8, 8)))]
    assert shades[:HOLD_FRAMES] == [0] * HOLD_FRAMES
    assert shades[-1] == 100
    assert shades == sorted(shades)
    assert 0 < shades[HOLD_FRAMES + 2] < 100


def test_a_film_that_fails_leaves_nothing(tmp_path):
    def broken():
        yield Image.new("RGB", (16, 16))
        raise OSError("no more")

    for name in ("film.webp", "film.mp4"):
        with pytest.raises(OSError, match="no more"):
            write_film(broken(), tmp_path / name)
    with pytest.raises(ValueError, match="needs pictures"):
        write_film([], tmp_path / "film.webp")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ("nowhere", 2, "nowhere is not a directory"),
        ("empty", 5, "There are no frames"),
        ("empty -o film.gif", 2, "should end in .webp or .mp4"),
        ("empty --zoom atlantis", 2, "there is no place 'atlantis'"),
        ("empty --zoom spiral", 3, "There is no model.py"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, monkeypatch, arguments, code, told):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    result = CliRunner().invoke(mbc, ["film", *arguments.split()], catch_exceptions=False)
    assert result.exit_code == code
    assert told in result.stderr
