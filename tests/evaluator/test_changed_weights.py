"""Weights that probes change: what is made, by how much memory, and what happens if its process ends."""

import resource
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from challenge.bundle.tensor_file import FLOATING, TORCH_NAMES
from challenge.results.verdicts import EvaluationError, Fault
from challenge.scoring.season import PRACTICE
from evaluator.changed_weights import process, shuffling

DTYPES = [getattr(torch, TORCH_NAMES[name]) for name in sorted(FLOATING - {"C64"})]


@pytest.mark.parametrize("dtype", DTYPES)
def test_shuffling_moves_floating_entries_and_nothing_else(dtype):
    state = {
        "w": torch.randn(30, 4).to(dtype),
        "scalar": torch.tensor(0.5).to(dtype),
        "count": torch.arange(7),
        "mask": torch.tensor([True, False]),
    }
    weights = save(state)
    one, same, two = (load(shuffling.shuffled(weights, PRACTICE.generator(seed))) for seed in "112")
    for shuffled in (one, two):
        assert {n: (t.dtype, t.shape) for n, t in shuffled.items()} == {
            n: (t.dtype, t.shape) for n, t in state.items()
        }
        assert torch.equal(shuffled["count"], state["count"])
        assert torch.equal(shuffled["mask"], state["mask"])
        assert shuffled["scalar"].double() == 0.5
        sides = [t["w"].double().flatten().sort().values for t in (shuffled, state)]
        assert torch.equal(*sides)
        assert not torch.equal(shuffled["w"].double(), state["w"].double())
    assert torch.equal(one["w"].double(), same["w"].double())
    assert not torch.equal(one["w"].double(), two["w"].double())
    # A mix lies between.
    ends = state["w"].double(), one["w"].double()
    for share in (0.0, 0.25, 1.0):
        mixed = load(shuffling.mixed(weights, PRACTICE.generator("1"), share))
        torch.testing.assert_close(
            mixed["w"].double(), (1 - share) * ends[0] + share * ends[1], rtol=1e-6, atol=1e-6
        )
        assert torch.equal(mixed["count"], state["count"])
    trace = load(shuffling.mixed(weights, PRACTICE.generator("1"), 1e-4))["w"].double()
    assert not torch.equal(trace, ends[0])


def test_shuffling_in_place_draws_what_a_permutation_draws():
    """Against the plain way, with an index for each entry and everything in float64."""
    torch.manual_seed(3)
    state = {
        "b": torch.randn(1000, 3),
        "a": torch.randn(77).half(),
        "none": torch.zeros(0, 5),
        "tiny": torch.randn(500).to(torch.float8_e5m2),
        "long": torch.randn(33).double(),
        "count": torch.arange(9),
    }
    generator, weights, share = PRACTICE.generator("1"), save(state), 1e-3
    shuffled = load(shuffling.shuffled(weights, PRACTICE.generator("1")))
    mixed = load(shuffling.mixed(weights, PRACTICE.generator("1"), share))
    for name in sorted(state):
        if not state[name].is_floating_point():
            continue
        trained = state[name].double().flatten()
        other = trained[torch.from_numpy(generator.permutation(len(trained)))]
        assert torch.equal(shuffled[name].double().flatten(), other), name
        expected = ((1 - share) * trained + share * other).to(mixed[name].dtype)
        assert torch.equal(mixed[name].flatten(), expected), name


@pytest.mark.parametrize("name", sorted(FLOATING))
def test_values_are_those_of_torch(name):
    """Every code of every dtype that NumPy does not know."""
    codes = np.arange(1 << 16).astype(np.uint16 if name in {"F16", "BF16"} else np.uint8)
    content = memoryview(codes.tobytes())
    theirs = torch.frombuffer(bytearray(content), dtype=getattr(torch, TORCH_NAMES[name]))
    exact = theirs.to(torch.complex128 if name == "C64" else torch.float64).numpy()
    with np.errstate(invalid="ignore"):  # numbers that are none, and say so
        ours = shuffling.values(content, name)
    np.testing.assert_array_equal(ours, exact)
    number = ~np.isnan(exact)
    np.testing.assert_array_equal(np.signbit(ours.real)[number], np.signbit(exact.real)[number])


def test_the_process_makes_what_the_functions_make():
    weights = save(
        {"b": torch.randn(999), "a": torch.randn(70, 3).to(torch.float8_e4m3fn), "n": torch.arange(5)}
    )
    with process.WeightChanger(weights) as changer:
        for seed in "12":
            shuffled = changer.shuffled(PRACTICE.generator(seed))
            assert shuffled == shuffling.shuffled(weights, PRACTICE.generator(seed))
            mixed = changer.mixed(PRACTICE.generator(seed), 1e-3)
            assert mixed == shuffling.mixed(weights, PRACTICE.generator(seed), 1e-3)
        assert changer.memory(mixed=True) == 2 * len(mixed) + 2 * len(weights)
        assert changer.memory(mixed=False) == 4 * len(weights)


MEMORY = """
import resource, sys
from challenge.bundle.tensor_file import make_header
from challenge.scoring.season import PRACTICE
from evaluator.changed_weights.process import WeightChanger

def most(who):
    return resource.getrusage(who).ru_maxrss * 1024

taken = []
for size in (1000, int(sys.argv[1])):
    head, _ = make_header([("w", "F8_E4M3", (size,))])
    weights = head + bytes(size)
    with WeightChanger(weights) as changer:
        before = most(resource.RUSAGE_SELF)
        changer.mixed(PRACTICE.generator("1"), 0.5)
        judge = most(resource.RUSAGE_SELF) - before
    taken.append(most(resource.RUSAGE_CHILDREN))
print(judge, taken[1] - taken[0])
"""


@pytest.mark.costly
@pytest.mark.skipif(sys.platform != "linux", reason="memory is counted in other units elsewhere")
def test_the_judge_holds_what_is_made_and_the_process_two_copies():
    size, spare = 8 << 20, 12 << 20
    command = [sys.executable, "-c", MEMORY, str(size)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    judge, child = map(int, done.stdout.split())
    # Four bytes are made of one.
    assert judge < 4 * size + spare
    assert child < 2 * size + spare


def test_a_process_that_lacks_memory_is_no_fault_of_the_submission(monkeypatch):
    monkeypatch.setattr(process, "ROOM", 1 << 20)
    with process.WeightChanger(save({"w": torch.zeros(3)})) as changer:
        for _ in range(2):
            with pytest.raises(EvaluationError, match="process that changes weights ended") as caught:
                changer.shuffled(PRACTICE.generator("1"))
            assert caught.value.fault is Fault.PLATFORM


def test_the_process_ends_with_what_started_it():
    with process.WeightChanger(save({"w": torch.zeros(3)})) as changer:
        changer.shuffled(PRACTICE.generator("1"))
        limit = 2 * len(changer._weights) + process.ROOM
        assert resource.prlimit(changer._process.pid, resource.RLIMIT_AS) == (limit, limit)
        changer._process.stdin.close()
        assert changer._process.wait(60) == 0
        changer._process.stdin = None
