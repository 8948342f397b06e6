"""How large the grid of this submission is: with its weights it fits into 64 KiB."""

# Of the network behind the grid.
WIDTH = 32
LEVELS, COARSEST, FINEST = 10, 8, 512
ENTRIES = 1_300
