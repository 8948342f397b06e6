"""Other weights made of a submission's own, by the judge: shuffled, or mixed with their shuffled selves."""

from typing import Final

import numpy as np
import torch
from safetensors.torch import load, save
from torch import Tensor

# Entries are moved as opaque items of their size: not every dtype can be indexed.
_ITEMS: Final = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


def shuffled(weights: bytes, generator: np.random.Generator) -> bytes:
    """The entries of every real or complex tensor in a random order; integer tensors stay.

    Args:
        weights: a safetensors file whose header was checked.
        generator: draws the order, tensor by tensor in the order of their names.
    """
    return save(_shuffled(load(weights), generator))


def mixed(weights: bytes, generator: np.random.Generator, share: float) -> bytes:
    """(1 - share) of the trained weights and `share` of the shuffled ones.

    What is stored in half precision or less becomes float32, so that small shares are not rounded away.

    Args:
        weights: a safetensors file whose header was checked.
        generator: as for `shuffled`; equal generators shuffle equally.
        share: 0 gives the trained weights, 1 the shuffled ones.
    """
    state = load(weights)
    other = _shuffled(state, generator)
    return save({name: _mixed(tensor, other[name], share) for name, tensor in state.items()})


def _shuffled(state: dict[str, Tensor], generator: np.random.Generator) -> dict[str, Tensor]:
    return {
        name: _permuted(tensor, generator) if _is_learned(tensor) else tensor
        for name, tensor in sorted(state.items())
    }


def _is_learned(tensor: Tensor) -> bool:
    """Real or complex numbers: what gradients can reach. Integers are addresses and counts."""
    return tensor.is_floating_point() or tensor.is_complex()


def _permuted(tensor: Tensor, generator: np.random.Generator) -> Tensor:
    order = torch.from_numpy(generator.permutation(tensor.numel()))
    items = tensor.reshape(-1).view(_ITEMS[tensor.element_size()])
    return items[order].view(tensor.dtype).reshape(tensor.shape)


def _mixed(trained: Tensor, other: Tensor, share: float) -> Tensor:
    if not _is_learned(trained):
        return trained
    if trained.is_complex():
        return ((1 - share) * trained + share * other).to(trained.dtype)
    dtype = trained.dtype if trained.element_size() >= torch.float32.itemsize else torch.float32
    return ((1 - share) * trained.double() + share * other.double()).to(dtype)
