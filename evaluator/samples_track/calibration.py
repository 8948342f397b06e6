"""How fast is this machine? A short training of a fixed network, so that budgets of seconds mean the same."""

import math
import time
from typing import Final

import torch
from torch import nn

from challenge.results.samples_report import Calibration
from challenge.scoring.tracks import CPU, GPU

# Cores that the class "cpu" has.
THREADS: Final = 2

STEPS: Final = 150
BATCH: Final = {CPU: 512, GPU: 1 << 17}
WIDTH: Final = 128
# What a step of the training below takes on the machine that budgets are quoted for: for "cpu" the one that
# this was built on. The figure for "gpu" is a guess, to be set on the first such machine that judges.
REFERENCE: Final = {CPU: 0.00137, GPU: 0.0012}
# A machine so much slower or faster is another class.
LEAST: Final = 0.25
MOST: Final = 4.0


def machine_class(device: str) -> str:
    """The class that a sandbox with this device ("auto", "cpu" or "cuda") belongs to."""
    gpu = device.startswith("cuda") or (device == "auto" and torch.cuda.is_available())
    return GPU if gpu else CPU


def calibrate(machine: str) -> Calibration:
    """Train the fixed network on a class of machine, and see how long a step takes.

    The quickest step counts, and in one thread: what else the machine does only ever makes it slower, and
    threads that wait for each other tell how busy it is rather than how fast.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            seconds = _quickest_step(machine)
    finally:
        torch.set_num_threads(threads)
    factor = min(MOST, max(LEAST, seconds / REFERENCE[machine]))
    return Calibration(machine, seconds, REFERENCE[machine], factor)


def _quickest_step(machine: str) -> float:
    """Of AdamW on a plain network, in seconds: matrix products, pointwise functions, and overhead."""
    device = torch.device("cuda" if machine == GPU else "cpu")
    network = nn.Sequential(
        nn.Linear(2, WIDTH), nn.GELU(), nn.Linear(WIDTH, WIDTH), nn.GELU(), nn.Linear(WIDTH, 1)
    ).to(device)
    optimiser = torch.optim.AdamW(network.parameters())
    x = torch.rand(BATCH[machine], 2, device=device)
    quickest = math.inf
    for _ in range(STEPS):
        began = time.perf_counter()
        loss = nn.functional.mse_loss(network(x), x[:, :1])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it without types
        optimiser.step()
        _wait(device)
        quickest = min(quickest, time.perf_counter() - began)
    return quickest


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()
