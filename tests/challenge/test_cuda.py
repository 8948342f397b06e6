"""On Numba's simulator, which runs the same source thread by thread in Python."""

import os
import subprocess
import sys

import numpy as np
import pytest

from challenge.mandelbrot import cuda

PROGRAM = """
import warnings
import numpy as np
from challenge.mandelbrot import cuda
from challenge.mandelbrot.target import target
rng = np.random.default_rng(0)
points = np.concatenate([
    np.array([-0.75, 0.0]) + 2 * rng.uniform(-1, 1, (120, 2)),
    np.array([-0.7463, 0.1102]) + 0.05 * rng.uniform(-1, 1, (60, 2)),
    [[0, 0], [-1, 0], [-0.12, 0.75], [3, 4], [1e6, 0]],
])
for limit in (5, 8, 300):
    t = np.full(len(points), np.nan)
    cuda.target_into(points, t, limit)
    print(np.abs(t - target(points, max_iterations=limit)).max())
for bad in (np.zeros((3, 3)), np.zeros(4)):
    try:
        cuda.target_into(bad, t)
    except ValueError:
        print(0.0)
print(float(not cuda.available()))
"""


@pytest.mark.costly
def test_the_card_s_kernel_gives_the_target():
    environment = {**os.environ, "NUMBA_ENABLE_CUDASIM": "1", "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    differences = [float(line) for line in done.stdout.split()]
    assert len(differences) == 6
    assert max(differences) < 1e-6


@pytest.mark.skipif(cuda.available(), reason="there is a card")
def test_without_a_card_the_error_says_so():
    with pytest.raises(RuntimeError, match="no CUDA card"):
        cuda.target_into(np.zeros((3, 2)), np.zeros(3))
