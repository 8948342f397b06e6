"""The target function: smooth escape counts of the Mandelbrot set, exact at every scored octave."""
