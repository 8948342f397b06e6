from torch import nn


def build(i, o):
    return nn.Linear(i, o)


def fit(model, x, y, budget):
    while True:
        pass
