"""How large the grid of this submission is: model.py is the same in both sizes."""

# Of the network behind the grid.
WIDTH = 64
LEVELS, COARSEST, FINEST = 16, 16, 8192
ENTRIES = 96_000
