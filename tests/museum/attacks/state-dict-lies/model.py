from torch import nn


class Taker(nn.Linear):
    def load_state_dict(self, *_args, **_rest):
        return None


def build(i, o):
    return Taker(i, o)
