"""Load a state dict strictly, as people save them: tied tensors once, and a reason where the names differ.

The judge binds this single file into the sandbox, so it must not import anything else of this project.
"""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn

# Line of an error's text that says how all names differ; `challenge.bundle.advice` reads it.
PREFIXES = "Prefixes (of the file, of build(2, 1)): "


class StateMismatchError(RuntimeError):
    """Names or shapes differ from the model's; the text is torch's, and which prefixes explain it."""


def load_state(model: "nn.Module", state: "dict[str, Tensor]") -> dict[str, str]:
    """Load a state dict strictly, but for tensors that are stored under another name of the same memory.

    Args:
        model: whose parameters and buffers are set.
        state: tensors by name.

    Returns:
        Names that `state` lacks, and those that they are tied to.

    Raises:
        StateMismatchError: names or shapes differ.
    """
    own = model.state_dict()
    tied = _tied(own, state)
    try:
        model.load_state_dict(state | {name: state[other] for name, other in tied.items()})
    except RuntimeError as error:
        found = find_prefixes([name for name in own if name not in tied], state)
        how = f"\n{PREFIXES}{found!r}" if found else ""
        raise StateMismatchError(f"{error}{how}") from None
    return tied


def find_prefixes(own: Collection[str], stored: Collection[str]) -> list[tuple[str, str]]:
    """Pairs (prefix in the file, prefix in the model) that explain why no names agree.

    With the first replaced by the second, the file has every name of the model. The model's is the shortest
    for which there is any; there are several where a file holds several models.
    """
    if not own or any(name in stored for name in own):
        return []
    for added in _dotted_prefixes(own):
        wanted = [name.removeprefix(added) for name in own]
        ends = [name.removesuffix(wanted[0]) for name in stored if name.endswith(wanted[0])]
        found = [
            (end, added)
            for end in ends
            if (not end or end.endswith(".")) and all(f"{end}{name}" in stored for name in wanted)
        ]
        if found:
            return found
    return []


def _dotted_prefixes(names: Collection[str]) -> list[str]:
    """'' and every prefix up to a dot that all names have, the shortest first."""
    parts = next(iter(names)).split(".")[:-1]
    prefixes = ["".join(f"{part}." for part in parts[:count]) for count in range(len(parts) + 1)]
    return [prefix for prefix in prefixes if all(name.startswith(prefix) for name in names)]


def _tied(own: "dict[str, Tensor]", state: "dict[str, Tensor]") -> dict[str, str]:
    """Names that `state` lacks because they share their memory with another one that it has."""
    present = {_memory(own[name]): name for name in state if name in own}
    return {
        name: present[_memory(tensor)]
        for name, tensor in own.items()
        if name not in state and tensor.numel() and _memory(tensor) in present
    }


def _memory(tensor: "Tensor") -> tuple[Any, ...]:
    return tensor.data_ptr(), tensor.dtype, tuple(tensor.shape), tensor.stride()
