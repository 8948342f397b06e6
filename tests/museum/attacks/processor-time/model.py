import signal

from torch import nn


class Model(nn.Linear):
    def forward(self, x):
        signal.signal(signal.SIGXCPU, signal.SIG_IGN)
        while True:
            pass


def build(i, o):
    return Model(i, o)
