"""Compiled loops: raw float64 arrays in, raw arrays out. Names and checks live in `challenge.target`.

vectors    LLVM vectors for Numba: 64 lanes in lockstep, whatever the CPU's registers are
bursts     sixteen steps of z^2 + c on 64 lanes: without a test, with every test, in double-double
interior   what proves a point to be inside
logarithm  from an escaped z to the smooth count, and how wrong it can be
escape     the story of a chunk of points: which burst a point is in, and when it moves on
"""
