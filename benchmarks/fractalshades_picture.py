"""Seconds that Fractalshades takes for one deep picture, colours and file included: RE IM OCTAVE SIDE LIMIT.

Run by `benchmarks/generator.py` with the interpreter named in $FRACTALSHADES_PYTHON, or its own.
"""

import sys
import tempfile
import time

import fractalshades as fs
import fractalshades.colors as fscolors
import fractalshades.models as fsm
import mpmath
from fractalshades.colors.layers import Color_layer
from fractalshades.postproc import Continuous_iter_pp, Postproc_batch


def picture(re: str, im: str, octave: int, side: int, limit: int) -> float:
    fractal = fsm.Perturbation_mandelbrot(tempfile.mkdtemp())
    width = mpmath.nstr(mpmath.mpf(4) * mpmath.mpf(2) ** (-octave), 17)
    digits = int(octave * 0.302) + 20
    fractal.zoom(precision=digits, x=re, y=im, dx=width, nx=side, xy_ratio=1.0, theta_deg=0.0)
    fractal.calc_std_div(
        calc_name="count",
        subset=None,
        max_iter=limit,
        M_divergence=65536.0,
        epsilon_stationnary=1e-3,
        BLA_eps=1e-6,
        interior_detect=False,
        calc_dzndc=False,
    )
    batch = Postproc_batch(fractal, "count")
    batch.add_postproc("n", Continuous_iter_pp())
    plotter = fs.Fractal_plotter(batch, final_render=False, supersampling=None)
    colours = fscolors.cmap_register["classic"]
    plotter.add_layer(Color_layer("n", func="np.log(x)", colormap=colours, probes_z=[0.0, 1.0], output=True))
    start = time.perf_counter()
    plotter.plot()
    return time.perf_counter() - start


if __name__ == "__main__":
    real, imaginary, *numbers = sys.argv[1:]
    # The first run compiles.
    print(min(picture(real, imaginary, *(int(number) for number in numbers)) for _ in range(3)))
