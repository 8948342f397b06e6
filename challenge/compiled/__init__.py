"""Compiled loops: raw float64 arrays in, raw arrays out. Names and checks live in `challenge.target`.

vectors       LLVM vectors for Numba: arithmetic on many lanes, whatever the CPU's registers are
lanes         loops over the lanes of a state: run them all, or sift them
bursts        steps of z^2 + c in doubles, without a test and with every test, and the bound of their error
limbs         the same in hundreds of bits
interior      what proves a point to be inside
opening       the first steps of a batch, together
results       from an escaped z to the count and the distance, and whether they are precise enough
logarithm     the logarithm, for single numbers
ways          the bursts, by number
escape        the story of a chunk of points: which burst a point is in, and when it moves on
perturbation  orbits as differences from one reference orbit, for pictures below what doubles address
"""
