"""The lines that `mbc adapt` appends to model.py, so that a model sees the inputs that it was trained on.

The only rule holds: the map applies to every model with two inputs, whatever it is fitted to and however many
outputs it has, and to no other. A control with two inputs is built by the same call as the submission, so it
goes through the same map, and nothing tells the Mandelbrot set from other data. The map is affine and
invertible: it knows where a window lies and nothing of the set, and it takes none of the model's abilities.
For other numbers of inputs a window means nothing, and the identity is left.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MARK: Final = "# Written by `mbc adapt`"

_LINES: Final = """

{mark}: two inputs are mapped to {words}.
# That is the same for whatever the model is fitted to; other numbers of inputs are left alone.
_build_unmapped = build


def build(in_features, out_features):
    model = _build_unmapped(in_features, out_features)
    if in_features == 2:
        model.register_forward_pre_hook(_map_inputs){invert}
    return model


def _map_inputs(_module, inputs):
    matrix = inputs[0].new_tensor({matrix})
    return (inputs[0] @ matrix + inputs[0].new_tensor({shift}),)
"""
_INVERT: Final = "\n        model.register_forward_hook(lambda _module, _inputs, output: 1 - output)"


def adapted_source(source: str, words: str, matrix: Array, shift: Array, *, invert: bool) -> str:
    """The source of model.py with a build whose models map their inputs first.

    Names in the state dict stay, since the map is a hook on the module and no module around it.

    Args:
        source: model.py.
        words: the frame in words.
        matrix: (2, 2) of inputs = unit @ matrix + shift.
        shift: (2,).
        invert: whether outputs become 1 - output.

    Raises:
        ValueError: the source was adapted before.
    """
    if MARK in source:
        raise ValueError("model.py was adapted before: remove the lines that `mbc adapt` wrote at its end")
    lines = _LINES.format(
        mark=MARK,
        words=words,
        matrix=matrix.tolist(),
        shift=shift.tolist(),
        invert=_INVERT if invert else "",
    )
    return source.rstrip("\n") + "\n" + lines
