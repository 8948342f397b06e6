"""The platform's trainer, training data, and training on a person's own machine."""
