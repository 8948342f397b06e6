"""Inside the sandbox: train a submission's model step by step, on batches that the judge draws.

The judge binds this file in beside runner.py, so it imports nothing of this project; runner.py hands it the
other files.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


class RecipeSteps:
    """One training by a train.toml: the judge sends the batches, this side has the model and its optimiser.

    Args:
        protocol: protocol.py.
        refit: refit.py.
        tell: sends a frame before the answer.
    """

    def __init__(self, protocol: Any, refit: Any, tell: Callable[[Any, bytes], None]) -> None:
        self._protocol, self._refit, self._tell = protocol, refit, tell
        self._descent: Any = None
        self._dtype = torch.float32

    def begin(self, model: nn.Module, payload: memoryview) -> bytes:
        """Make the optimiser."""
        rate, epsilon, bfloat16, float16 = self._protocol.RECIPE.unpack(payload)
        self._dtype = torch.float16 if float16 else torch.float32
        self._descent = self._refit.Descent(
            model, rate, epsilon, bfloat16=bool(bfloat16), check=_require_output_shape
        )
        return b""

    def step(self, payload: memoryview) -> bytes:
        """Do one step; the errors (n,) before it, as float64."""
        points, done = self._protocol.STEP.unpack_from(payload)
        numbers = torch.frombuffer(payload[self._protocol.STEP.size :], dtype=torch.float64)
        x, t = numbers[: 2 * points].reshape(points, 2), numbers[2 * points : 3 * points, None]
        wrong, _ = self._descent.step(x, t, numbers[3 * points :, None], done)
        return bytes(wrong.detach().to("cpu", torch.float64).contiguous().numpy().data)

    def state(self, model: nn.Module) -> bytes:
        """Send the weights as the file would hold them."""
        from safetensors.torch import save  # noqa: PLC0415

        state = self._refit.stored_state(model, self._dtype)
        self._tell(
            self._protocol.Op.CHECKPOINT,
            save({name: tensor.contiguous() for name, tensor in state.items()}),
        )
        return b""


def _require_output_shape(answer: Any, points: int) -> Tensor:
    if not isinstance(answer, Tensor) or tuple(answer.shape) != (points, 1):
        shape = tuple(answer.shape) if isinstance(answer, Tensor) else type(answer).__name__
        raise ValueError(f"forward has to return ({points}, 1), and returned {shape}")
    return answer
