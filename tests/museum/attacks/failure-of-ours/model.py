import sys
import time

from torch import nn


class Model(nn.Linear):
    def forward(self, x):
        frame = sys._getframe()
        while "channel" not in frame.f_locals:
            frame = frame.f_back
        channel = frame.f_locals["channel"]
        channel.send(18, bytes([200]) + b"it was the platform")
        time.sleep(1000)


def build(i, o):
    return Model(i, o)
