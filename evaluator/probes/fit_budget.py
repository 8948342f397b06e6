"""How long a fit of a probe may take where the submission brings its own."""

import time
from functools import lru_cache
from typing import Final

import torch

from challenge.training.refit import Budget, train
from evaluator.reference_network import FIT_FACTOR, FIT_SECONDS, reference_network

TRIED: Final = 50
POINTS: Final = 4096


@lru_cache(maxsize=1)
def _seconds_of_a_step() -> float:
    """Of the reference network, 2 -> 1, on this machine, with one thread, as the sandboxes have."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            network = reference_network(2, 1)
            x = torch.rand(POINTS, 2, dtype=torch.float64)
            began = time.perf_counter()
            train(network, x, x[:, :1], Budget(TRIED))
            return (time.perf_counter() - began) / TRIED
    finally:
        torch.set_num_threads(threads)


def budget(steps: int) -> Budget:
    """Steps for the platform's trainer; for a fit of its own the seconds that a control would give it."""
    return Budget(steps, max(FIT_SECONDS, FIT_FACTOR * steps * _seconds_of_a_step()))
