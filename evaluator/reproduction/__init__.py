"""Reproduction: the operator repeats an entry's training by its train.toml, and compares what comes of it."""
