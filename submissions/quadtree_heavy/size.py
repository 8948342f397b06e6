"""How large the tree of this submission may grow: model.py is the same in all three sizes."""

TILES = 660_000
