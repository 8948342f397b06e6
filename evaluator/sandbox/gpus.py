"""Which NVIDIA GPUs this process may use, by the numbers of their device files."""

import os
from pathlib import Path

VARIABLE = "CUDA_VISIBLE_DEVICES"


def visible(dev: Path = Path("/dev")) -> tuple[int, ...]:
    """Those that CUDA_VISIBLE_DEVICES names by number, or else all that have a file; () without a driver.

    Args:
        dev: the directory of the device files.
    """
    if not (dev / "nvidiactl").exists():
        return ()
    there = sorted(int(path.name[6:]) for path in dev.glob("nvidia[0-9]*") if path.name[6:].isdecimal())
    named = os.environ.get(VARIABLE, "").split(",")
    chosen = tuple(int(one) for one in named if one.strip().isdecimal())
    return chosen or tuple(there)


def only(number: int) -> dict[str, str]:
    """The environment of a process that may use one GPU alone."""
    # By place on the bus, as the device files are numbered.
    return {VARIABLE: str(number), "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
