"""Seasons, evaluation sets and the metrics that turn predictions into octaves."""
