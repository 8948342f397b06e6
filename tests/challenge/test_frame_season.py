import hashlib
import subprocess
import sys

import numpy as np
import pytest

from challenge.mandelbrot.coordinates import BASE, View, to_plane, to_unit, view_width
from challenge.scoring.season import PRACTICE, Season


def test_base_window_is_the_unit_square():
    corners = np.array([[-2.75, -2.0], [1.25, 2.0], [-0.75, 0.0]])
    assert to_unit(corners).tolist() == [[-1, -1], [1, 1], [0, 0]]
    points = np.random.default_rng(0).uniform(-2, 2, (100, 2))
    assert np.allclose(to_plane(to_unit(points)), points, rtol=0, atol=1e-15)


def test_an_octave_halves_the_view():
    assert BASE.width == 4
    assert [view_width(k) for k in (1, 2, 31)] == [2, 1, 4 / 2**31]


def test_a_grid_starts_at_the_top_left_and_fills_the_view():
    grid = View((1.0, 2.0), 2).grid(4)
    assert grid.shape == (16, 2)
    assert grid[0].tolist() == [1 - 0.375, 2 + 0.375]
    assert grid[3].tolist() == [1 + 0.375, 2 + 0.375]
    assert grid[-1].tolist() == [1 + 0.375, 2 - 0.375]


def test_a_season_commits_to_its_secret_and_does_not_show_it():
    season = Season.open("autumn")
    assert season.commitment == hashlib.sha256(season.secret).hexdigest()
    assert season.secret.hex() not in repr(season)
    assert repr(season.secret) not in repr(season)
    assert Season.open("autumn").secret != season.secret


def test_each_purpose_has_numbers_of_its_own_that_stay_the_same():
    first = PRACTICE.generator("chain", 3).random(4)
    assert first.tolist() == PRACTICE.generator("chain", 3).random(4).tolist()
    assert first.tolist() != PRACTICE.generator("chain", 4).random(4).tolist()
    # Anybody can rebuild it from the contract's words: SHA-256 of secret and purpose, into Philox.
    key = int.from_bytes(hashlib.sha256(PRACTICE.secret + b"chain/3").digest()[:16], "little")
    assert first.tolist() == np.random.Generator(np.random.Philox(key=key)).random(4).tolist()


@pytest.mark.parametrize("purpose", [(), ("a/b",), ("",)])
def test_a_purpose_that_could_be_another_is_refused(purpose):
    with pytest.raises(ValueError, match="purpose"):
        PRACTICE.generator(*purpose)


def test_a_short_secret_is_refused():
    with pytest.raises(ValueError, match="32 bytes, not 5"):
        Season("short", b"short")


@pytest.mark.costly
@pytest.mark.parametrize(
    "first",
    ["", "import challenge.scoring.evaluation_set; ", "from challenge.mandelbrot.target import distance; "],
)
def test_the_public_names_are_functions_whatever_was_imported_before(first):
    code = f"import numpy; {first}from challenge import distance, escape_count, sample, target; "
    code += "target(numpy.array([[0.3, 0.1]])), distance, escape_count, sample(2, 0)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
