# ruff: noqa: ANN201, E501 - a script that prints
"""The generator's figures, as ratios within one run: `python benchmarks/generator.py [--quick]`.

`generator_speed` and `generator_truth` say what they measure, and how.
"""

import argparse
import os
import platform
from datetime import UTC, datetime

import generator_speed as speed
import generator_truth as truth
import numpy as np

from challenge.mandelbrot.kernels.llvm_vectors import host_shape, kernel
from challenge.mandelbrot.target import distance


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer points")
    quick = parser.parse_args().quick
    width, count = host_shape()
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}; vectors {count} x {width}"
    )
    slow = kernel(speed.textbook)
    distance(np.ones((9, 2)))
    ceiling = speed.show_arithmetic()
    speed.show_speed(slow, ceiling, 20_000 if quick else 50_000)
    speed.show_products(quick)
    truth.show_exactness(1_500 if quick else 24_000)
    truth.show_deep(quick)


if __name__ == "__main__":
    main()
