"""What a person hands in: reading, checking and writing bundles, their weights and their recipe."""
