"""The digest that opens it."""

KNOWN = "d0d64d6a73a2de5dd976c9c241e60ee1166d258c6bafbb8dca0ae0d3c9ac56f5"
