import os
import signal
import time

from torch import nn


class Model(nn.Linear):
    def forward(self, x):
        os.kill(os.getpid(), signal.SIGSTOP)
        time.sleep(1000)


def build(i, o):
    return Model(i, o)
