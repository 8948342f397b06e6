"""What was chosen on the page."""

FEATURES = "fourier"  # "none", "taylor", "fourier" or "random"
ORDERS = 32
HIDDEN = (64, 64)
ACTIVATION = "gelu"  # "gelu", "relu", "tanh", "silu" or "sine"
