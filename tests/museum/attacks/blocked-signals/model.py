import signal
import time

from torch import nn


class Model(nn.Linear):
    def forward(self, x):
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        time.sleep(1000)


def build(i, o):
    return Model(i, o)
