import signal

from torch import nn


class Model(nn.Linear):
    def forward(self, x):
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_IGN)
        while True:
            pass


def build(i, o):
    return Model(i, o)
