"""Reproduction: the operator repeats an entry's training by its train.toml, and compares the results."""
