import numpy as np
import pytest

from challenge.targets.warp import draw_warp

GRID = np.stack(np.meshgrid(np.linspace(-1, 1, 81), np.linspace(-1, 1, 81)), axis=-1).reshape(-1, 2)


@pytest.mark.costly
@pytest.mark.parametrize("seed", range(8))
def test_a_warp_maps_the_window_onto_itself_one_to_one(seed):
    warp = draw_warp(np.random.default_rng(seed), 0.5)
    moved = warp(GRID)
    assert np.abs(moved).max() <= 1
    edges = np.abs(GRID) == 1
    assert np.array_equal(moved[edges], GRID[edges])
    stretch = np.linalg.svd(warp.jacobian(GRID), compute_uv=False)
    assert stretch.min() >= 0.5
    assert stretch.max() <= 1.5


@pytest.mark.parametrize("seed", range(4))
def test_the_jacobian_is_the_slope_of_the_warp(seed):
    warp = draw_warp(np.random.default_rng(seed))
    inner, step = 0.99 * GRID, 1e-6
    for j in range(2):
        shift = step * np.eye(2)[j]
        slope = (warp(inner + shift) - warp(inner - shift)) / (2 * step)
        assert np.allclose(slope, warp.jacobian(inner)[:, :, j], atol=1e-8)


@pytest.mark.costly
def test_no_affine_map_follows_a_warp():
    with_one = np.hstack([GRID, np.ones((len(GRID), 1))])
    for seed in range(8):
        moved = draw_warp(np.random.default_rng(seed))(GRID)
        rest = moved - with_one @ np.linalg.lstsq(with_one, moved, rcond=None)[0]
        # More than a view of octave 6 is wide: whoever guesses the place misses what is there.
        assert np.sqrt((rest**2).sum(axis=1)).mean() > 2 * 2.0**-6


def test_a_warp_that_could_fold_is_refused():
    with pytest.raises(ValueError, match="strength"):
        draw_warp(np.random.default_rng(0), 1.0)
