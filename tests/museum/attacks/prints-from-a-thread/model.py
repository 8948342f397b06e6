import os
import threading
import time

from torch import nn


class Model(nn.Linear):
    def forward(self, x):
        threading.Thread(target=os.write, args=(2, b"y" * 999_999)).start()
        time.sleep(1000)


def build(i, o):
    return Model(i, o)
