"""How fast this machine is: the time of a training step, so that budgets in seconds mean the same everywhere.

The quickest of many steps in one thread is used. Whatever else the machine does makes steps slower, never
quicker, and threads that wait for each other measure how busy it is rather than how fast.
"""

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import torch
from torch import nn

from challenge.results.samples_report import Calibration
from challenge.scoring.tracks import CPU, GPU
from challenge.training.refit import without_compiler

# Cores of the machine class "cpu".
THREADS: Final = 2

STEPS: Final = 150
BATCH: Final = {CPU: 512, GPU: 1 << 17}
WIDTH: Final = 128
# Seconds of a step on the machine that budgets are quoted for: for "cpu" the machine on which this was
# developed. The figure for "gpu" is a guess, to be set on the first such machine that judges.
REFERENCE: Final = {CPU: 0.00137, GPU: 0.0012}
# A machine that is slower or faster than this belongs to another class.
LEAST: Final = 0.25
MOST: Final = 4.0

_SPEED_SECONDS: Final = 600.0

_TURNS: Final = threading.RLock()


def machine_class(device: str) -> str:
    """The machine class of a sandbox with this device ("auto", "cpu" or "cuda")."""
    gpu = device.startswith("cuda") or (device == "auto" and torch.cuda.is_available())
    return GPU if gpu else CPU


def calibrate(machine: str) -> Calibration:
    """Measure a training step of a fixed network on a machine class."""
    with one_thread():
        network = nn.Sequential(
            nn.Linear(2, WIDTH), nn.GELU(), nn.Linear(WIDTH, WIDTH), nn.GELU(), nn.Linear(WIDTH, 1)
        )
        device = torch.device("cuda" if machine == GPU else "cpu")
        seconds = quickest_step(network, torch.rand(BATCH[machine], 2), STEPS, device)
    factor = min(MOST, max(LEAST, seconds / REFERENCE[machine]))
    return Calibration(machine, seconds, REFERENCE[machine], factor)


class MachineSpeed:
    """The speed of this machine, beside the one that budgets are quoted for: more than 1 is faster.

    It is measured again now and then: machines are throttled, or moved to others.

    Args:
        machine: the machine class.
    """

    def __init__(self, machine: str) -> None:
        self._machine = machine
        self._measured = -math.inf
        self._speed = 0.0

    def __call__(self) -> float:
        """The speed, not older than some minutes."""
        if time.monotonic() - self._measured > _SPEED_SECONDS:
            self._speed = round(1 / calibrate(self._machine).factor, 2)
            self._measured = time.monotonic()
        return self._speed


def quickest_step(
    network: nn.Module, x: torch.Tensor, steps: int, device: torch.device | None = None
) -> float:
    """Seconds of the quickest of `steps` steps of AdamW on inputs x (n, in), in one thread."""
    device = device or torch.device("cpu")
    network, x = network.to(device), x.to(device)
    quickest = math.inf
    with one_thread():
        optimiser = torch.optim.AdamW(network.parameters())
        for _ in range(steps):
            began = time.perf_counter()
            loss = network(x).square().mean()
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            _wait(device)
            quickest = min(quickest, time.perf_counter() - began)
    return quickest


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread of torch and a fixed random state inside, without a trace of it afterwards.

    Both belong to the whole process, so its threads take turns.
    """
    with _TURNS:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            with torch.random.fork_rng(devices=[]), without_compiler():
                torch.manual_seed(0)
                yield
        finally:
            torch.set_num_threads(threads)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()
