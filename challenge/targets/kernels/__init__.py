"""Compiled loops of the secret targets: raw float64 arrays in, raw arrays out.

escape         escape counts of any map, in doubles and in sums of two doubles, with a bound of the error
double_double  arithmetic of sums of two doubles
warp           the secret warp of the plane
"""

from pathlib import Path
from typing import Final

from challenge.util.jit import kernel_decorator

kernel: Final = kernel_decorator(Path(__file__).parent)
