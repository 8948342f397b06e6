"""Compiled loops: raw float64 arrays in, raw arrays out. Names and checks live in `mandelbrot.target`.

llvm_vectors          LLVM vectors for Numba: arithmetic on many lanes, whatever the CPU's registers are
lanes                 loops over the lanes of a state: run all of them, or compact the active ones
float64_steps         steps of z^2 + c in doubles, unchecked and checked, and the bound of their error
multiprecision_steps  the same in hundreds of bits
interior              proofs that a point is inside the set
first_steps           the first steps of a batch, together
results               from an escaped z to the count and the distance, and whether they are precise enough
logarithm             the logarithm, for single numbers
dispatch              the step functions, by number
escape                one chunk of points: which step function a point uses, and when it moves on
perturbation          orbits as differences from one reference orbit, for pictures below what doubles address
"""
