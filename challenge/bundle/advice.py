"""What a person should do about an error of their own model, read from the model's own words.

The words (a traceback, a shape) come from the submission's process. They are shown to its author alone, and
no verdict depends on them.
"""

import re
from typing import Final

from challenge.bundle.imports import PROMISED, alternative
from challenge.results.refusals import refusal_of, refuse
from challenge.results.verdicts import EvaluationError, Reason

_MISSING_MODULE: Final = re.compile(r"ModuleNotFoundError: No module named '([\w.]{1,80})'")
_RETURNED: Final = re.compile(r"expected (\(\d+, \d+\)), and forward returned (.{1,400})", re.DOTALL)
_FLAT: Final = re.compile(r"\((\d+),\)")
_TRANSPOSED: Final = re.compile(r"\(1, (\d+)\)")
_FIRST_KEY: Final = re.compile(r"a dict of ('[^']*')")
_TENSORS_NAMED: Final = 5
_NAMES: Final = re.compile(r"(Missing|Unexpected) key\(s\) in state_dict: ([^\n]*)")
_SIZES: Final = re.compile(
    r"size mismatch for (\S{1,200}): [^\n]*?Size\(\[([\d, ]*)\]\) from checkpoint[^\n]*?Size\(\[([\d, ]*)\]\)"
)


def with_advice(error: EvaluationError) -> EvaluationError:
    """The same error under a finer rule with an exact remedy, where its private text allows one."""
    told = refusal_of(error)
    if told.rule != error.reason.value:
        return error
    advised = _ADVISERS[error.reason](error.private) if error.reason in _ADVISERS else None
    if advised is None:
        return error
    rule, where, found, remedy = advised
    return refuse(rule, found, where=told.where or where, remedy=remedy, private=error.private)


Advice = tuple[str, str, str, str] | None


def _about_import(private: str) -> Advice:
    match = _MISSING_MODULE.search(private)
    if match is None:
        return None
    package = match[1]
    found = (
        f"It imports {package}, which is not there where submissions are judged; "
        f"there are {', '.join(PROMISED)} and the standard library."
    )
    return "model.import", "model.py", found, f"Instead: {alternative(package)}"


def _about_shape(private: str) -> Advice:
    match = _RETURNED.search(private)
    if match is None:
        return None
    expected, returned = match[1], match[2].strip()
    found = f"{expected} is expected, and forward returned {returned}."
    if key := _FIRST_KEY.match(returned):
        return "output.dict", "forward", found, f"return y[{key[1]}]"
    if returned.startswith(("a tuple", "a list")):
        return "output.tuple", "forward", found, "return y[0]"
    if _FLAT.fullmatch(returned):
        return "output.no-column", "forward", found, "return y.unsqueeze(1)"
    if _TRANSPOSED.fullmatch(returned):
        return "output.no-column", "forward", found, "return y.T"
    return "output.squeezed", "forward", found, "return y.reshape(len(x), -1)"


def _about_names(private: str) -> Advice:
    parts = [f"{kind.lower()}: {_shorten(names)}" for kind, names in _NAMES.findall(private)]
    sizes = _SIZES.findall(private)
    if sizes:
        name, stored, built = sizes[0]
        more = f", and {len(sizes) - 1} more" if sizes[1:] else ""
        parts.append(f"of another shape: {name}, ({stored}) in the file and ({built}) in build(2, 1){more}")
    if not parts:
        return None
    return "weights.names", "weights.safetensors", f"Of the tensors, {'; '.join(parts)}.", ""


def _shorten(names: str) -> str:
    listed = [name.strip(' ."') for name in names.split(",")]
    more = f" and {len(listed) - _TENSORS_NAMED} more" if len(listed) > _TENSORS_NAMED else ""
    return ", ".join(listed[:_TENSORS_NAMED]) + more


_ADVISERS: Final = {
    Reason.MODEL_CODE_FAILED: _about_import,
    Reason.BUILD_INVALID: _about_import,
    Reason.FORWARD_FAILED: _about_import,
    Reason.FIT_FAILED: _about_import,
    Reason.OUTPUT_SHAPE: _about_shape,
    Reason.WEIGHTS_DO_NOT_FIT: _about_names,
}
