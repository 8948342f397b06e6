import signal
import threading
import time

from torch import nn


class Model(nn.Linear):
    def forward(self, x):
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_IGN)
        if not getattr(self, "started", False):
            self.started = True
            threading.Thread(target=time.sleep, args=(1000,)).start()
        return super().forward(x)


def build(i, o):
    return Model(i, o)
