"""Bundles, what people submit: reading, checking and writing bundles, their weights and their recipe."""
