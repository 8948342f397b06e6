import numpy as np
import pytest

from challenge.mandelbrot import parallel
from challenge.mandelbrot.coordinates import to_unit, view_width
from challenge.mandelbrot.target import distance, target
from challenge.scoring.evaluation_set import EvaluationSize, evaluation_set
from challenge.scoring.season import PRACTICE, Season

SIZE = EvaluationSize(chains=6, octaves=32, points=64)


@pytest.fixture(scope="module")
def views():
    return evaluation_set(PRACTICE, SIZE)


def test_every_view_lies_in_the_base_window_and_holds_its_points(views):
    assert views.points.shape == (6, 32, 64, 2)
    assert np.abs(to_unit(views.points.reshape(-1, 2))).max() <= 1
    for octave in range(32):
        offset = views.points[:, octave] - views.centres[:, octave, None]
        assert np.abs(offset).max() <= view_width(octave) / 2
    assert (views.centres[:, 0] == [-0.75, 0]).all()


def test_truth_is_the_target_of_the_plane_points(views):
    alone = target(views.points.reshape(-1, 2)).reshape(views.truth.shape)
    # Points of a deep view take the steps that they share together; each way is exact to 1e-9.
    assert views.truth[:, :16].tolist() == alone[:, :16].tolist()
    assert np.abs(views.truth - alone).max() <= 1e-9


def test_each_view_is_centred_on_an_outside_point_near_the_set_in_the_last_view(views):
    for chain in range(6):
        for octave in range(31):
            centre = views.centres[chain, octave + 1]
            seen = views.points[chain, octave]
            assert (seen == centre).all(axis=1).any()
            gap = distance(centre[None])[0]
            assert gap > 0
            gaps = distance(seen)
            outside = gaps[gaps > 0]
            assert gap <= view_width(octave) / 4 or gap == outside.min()


def test_shore_chains_stay_nearest_to_the_inside(views):
    seen, inside = views.points[1, 2], views.truth[1, 2] == 1
    assert inside.any()
    allowed = (distance(seen) > 0) & (distance(seen) <= view_width(2) / 4)
    gaps = np.linalg.norm(seen[:, None] - seen[inside][None], axis=2).min(axis=1)
    best = np.where(allowed, gaps, np.inf).argmin()
    assert views.centres[1, 3].tolist() == seen[best].tolist()


def test_every_view_has_structure(views):
    assert (views.truth.std(axis=2) > 1e-4).all()


def test_a_chain_does_not_depend_on_how_many_others_there_are(views):
    alone = evaluation_set(PRACTICE, EvaluationSize(chains=2, octaves=8, points=64))
    assert alone.points.tolist() == views.points[:2, :8].tolist()


def test_another_secret_gives_another_set(views):
    other = evaluation_set(Season("other", b"o" * 32), EvaluationSize(2, 2, 64))
    assert not np.isin(other.points, views.points).any()


@pytest.mark.parametrize("size", [(0, 32, 64), (1, 33, 64), (1, 1, 1)])
def test_impossible_sizes_are_refused(size):
    with pytest.raises(ValueError, match="no evaluation set"):
        EvaluationSize(*size)


def test_a_set_does_not_depend_on_the_number_of_threads(monkeypatch):
    size = EvaluationSize(chains=24, octaves=6, points=16)
    sets = []
    for count in (1, 3, 7):
        monkeypatch.setattr(parallel, "threads", lambda count=count: count)
        sets.append(evaluation_set(PRACTICE, size))
    for other in sets[1:]:
        assert other.points.tobytes() == sets[0].points.tobytes()
        assert other.truth.tobytes() == sets[0].truth.tobytes()
        assert other.centres.tobytes() == sets[0].centres.tobytes()
