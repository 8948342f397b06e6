"""Submissions made on the spot, and small limits for the sandboxes that run them."""

import os

import pytest
import torch
from safetensors.torch import save
from torch import nn

from challenge.bundle.advice import with_advice
from challenge.bundle.manifest import Manifest
from challenge.bundle.reader import Bundle
from challenge.results.verdicts import EvaluationError
from evaluator.sandbox.limits import Limits

HONEST = """
from torch import nn

def build(in_features, out_features):
    return nn.Sequential(nn.Linear(in_features, 16), nn.GELU(), nn.Linear(16, out_features))
"""

HEAD = "import torch\nfrom torch import nn\n\n"
BODY = "nn.Linear(i, 16), nn.GELU(), nn.Linear(16, o)"

# How many times slower than usual this machine is, where it is an emulated one.
SLOWER = float(os.environ.get("MBC_TEST_SLOWER", "1"))
SMALL = Limits(
    memory_bytes=2 << 30,
    tmp_bytes=8 << 20,
    file_bytes=4 << 20,
    output_bytes=64 << 10,
    start_seconds=60.0 * SLOWER,
    load_seconds=3.0 * SLOWER,
    request_seconds=3.0 * SLOWER,
    fit_seconds=20.0 * SLOWER,
    total_seconds=120.0 * SLOWER,
    cpu_seconds=int(120 * SLOWER),
    threads=2,
)


def honest_model(in_features=2, out_features=1):
    torch.manual_seed(5)
    return nn.Sequential(nn.Linear(in_features, 16), nn.GELU(), nn.Linear(16, out_features))


def make_bundle(source=HONEST, state=None, **helpers):
    files = {f"{name}.py": text.encode() for name, text in helpers.items()}
    files["model.py"] = source.encode()
    files["weights.safetensors"] = save(honest_model().state_dict() if state is None else state)
    return Bundle(Manifest("one", "Ada", "A test."), files)


def network(forward, before="", more=""):
    """A network of the shape of `make_bundle`'s weights, with its own forward."""
    return f"""{before}{HEAD}
class Net(nn.Sequential):
    def forward(self, x):
        y = super().forward(x)
        {forward}

{more}
def build(i, o):
    return Net({BODY})
"""


def refused(check, source, state=None):
    """The error, with advice, of a bundle that `check` does not take."""
    with pytest.raises(EvaluationError) as caught:
        check(source, state)
    return with_advice(caught.value)
