import os
import time

from torch import nn


class Model(nn.Linear):
    def forward(self, x):
        os.closerange(0, 256)
        time.sleep(1000)


def build(i, o):
    return Model(i, o)
