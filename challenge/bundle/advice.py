"""What a person should do about an error of their own model, read from the model's own words.

The words (a traceback, a shape) come from the submission's process. They are shown to its author alone, and
no verdict depends on them.
"""

import ast
import re
from collections.abc import Sequence
from typing import Final

from challenge.bundle.imports import PROMISED, alternative
from challenge.bundle.state_loading import PREFIXES
from challenge.results.refusals import refusal_of, refuse
from challenge.results.verdicts import EvaluationError, Reason
from challenge.util.syntax import parse_expression

_MISSING_MODULE: Final = re.compile(r"ModuleNotFoundError: No module named '([\w.]{1,80})'")
_RETURNED: Final = re.compile(r"expected (\((\d+), (\d+)\)), and forward returned (.{1,400})", re.DOTALL)
_TABLE: Final = re.compile(r"\((\d+), (\d+)\)")
_FIRST_KEY: Final = re.compile(r"a dict of ('[^']*')")
_TENSORS_NAMED: Final = 5
_NAMES: Final = re.compile(r"(Missing|Unexpected) key\(s\) in state_dict: ([^\n]*)")
_SIZES: Final = re.compile(
    r"size mismatch for (\S{1,200}): [^\n]*?Size\(\[([\d, ]*)\]\) from checkpoint[^\n]*?Size\(\[([\d, ]*)\]\)"
)
# What a model's own words say, the rule that they break, and a finer remedy than the rule's, if any.
_WORDS: Final = (
    (r"(?m)^(\w*(?:Syntax|Indentation|Tab)Error: .{1,120})", "model.syntax", ""),
    (
        r"(ImportError: attempted relative import.{0,80})",
        "model.import",
        "from net import Net, with net.py beside model.py",
    ),
    (r"(FileNotFoundError: .{1,160})", "model.file", ""),
    (r"((?:URLError|gaierror|ConnectionError|HTTPError|urlopen error).{0,120})", "model.network", ""),
    (r"(Torch not compiled with CUDA.{0,40}|No CUDA GPUs.{0,40}|Found no NVIDIA.{0,60})", "model.device", ""),
    (r"(Expected all tensors to be on the same device.{0,80})", "model.device", ""),
    (r"(build returned \w{1,60})", "build.returns", ""),
    (r"(TypeError: build\(\) (?:takes|missing|got).{0,80})", "build.arguments", ""),
    (r"([^\n]{1,200} still has no shape)", "build.lazy", ""),
    (r"(TypeError: \S{0,60}forward\(\) (?:takes|missing|got).{0,80})", "forward.arguments", ""),
    (r"(Expected more than 1 value per channel.{0,80})", "answers.one-point", ""),
    (r"(mat1 and mat2 shapes cannot be multiplied.{0,60})", "forward.fixed-inputs", ""),
    (r"(The size of tensor a \(\d+\) must match.{0,80})", "forward.fixed-inputs", ""),
    (r"((?:Expected \d|expected input).{0,100}(?:input to|channels).{0,100})", "forward.fixed-inputs", ""),
    (r"((?:expected m1 and m2|mat1 and mat2 must|expected scalar type).{0,100})", "forward.dtype", ""),
    (r"(forward returned torch\.complex\w+)", "output.dtype", "return y.real"),
    (r"(forward returned torch\.\w+)", "output.dtype", ""),
    (r"(SystemExit(?:: .{1,80})?|KeyboardInterrupt)", "model.exit", ""),
)

_LINE: Final = re.compile(r"(\w+\.py)\", line (\d+)")
_PLACES: Final = {
    Reason.BUILD_INVALID: "build",
    Reason.FORWARD_FAILED: "forward",
    Reason.OUTPUT_DTYPE: "forward",
    Reason.FIT_FAILED: "fit",
}


def with_advice(error: EvaluationError) -> EvaluationError:
    """The same error under a finer rule with an exact remedy, where its private text allows one."""
    refusal = refusal_of(error)
    if refusal.rule != error.reason.value:
        return error
    advised = _about_import(error.private)
    if advised is None and error.reason in _ADVISERS:
        advised = _ADVISERS[error.reason](error.private)
    advised = advised or _about_words(error)
    if advised is None:
        return error
    rule, where, found, remedy = advised
    return refuse(rule, found, where=refusal.where or where, remedy=remedy, private=error.private)


def prefixes_of(error: EvaluationError) -> list[tuple[str, str]]:
    """How all names of the weights differ from those of build(2, 1), see `find_prefixes`."""
    line = error.private.rpartition(PREFIXES)[2] if PREFIXES in error.private else "[]"
    try:
        found = ast.literal_eval(parse_expression(line.partition("\n")[0]))
        return [(str(old), str(new)) for old, new in found]
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return []


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


def _about_words(error: EvaluationError) -> Advice:
    where = _PLACES.get(error.reason, "model.py")
    for pattern, rule, remedy in _WORDS:
        if match := re.search(pattern, error.private):
            line = _LINE.findall(error.private)[-1:] if rule == "model.syntax" else []
            found = "".join(f"{file}, line {number}: " for file, number in line) + match[1].strip()
            return rule, where, found if found.endswith(("?", ".")) else f"{found}.", remedy
    return None


def _about_shape(private: str) -> Advice:
    match = _RETURNED.search(private)
    if match is None:
        return None
    expected, rows, columns, returned = match[1], match[2], match[3], match[4].strip()
    found = f"{expected} is expected, and forward returned {returned}."
    rule, remedy = _rule_of_shape(returned, rows, columns)
    return rule, "forward", found, remedy


def _rule_of_shape(returned: str, rows: str, columns: str) -> tuple[str, str]:
    """The rule that an output breaks, and a finer remedy than the rule's ("" for its own)."""
    table = _TABLE.fullmatch(returned)
    if key := _FIRST_KEY.match(returned):
        return "output.dict", f"return y[{key[1]}]"
    if returned.startswith(("a ", "an ")):
        return "output.tuple", "return y[0]"
    if not returned.startswith("("):
        remedies = {"NoneType": "return y, at the end of forward", "ndarray": "return torch.from_numpy(y)"}
        return "output.no-tensor", remedies.get(returned, "return the tensor of its values alone")
    if returned == f"({rows},)":
        return "output.no-column", "return y.unsqueeze(1)"
    if returned in {f"({columns},)", "()"} and rows == "1":
        return "output.squeezed", "return y.reshape(len(x), -1)"
    if columns == "1" and returned == f"(1, {rows})":
        return "output.no-column", "return y.T"
    if table is not None and table[1] == rows:
        return "output.columns", ""
    return "output.rows", ""


def _about_names(private: str) -> Advice:
    if prefixes := prefixes_of(EvaluationError(Reason.WEIGHTS_DO_NOT_FIT, private=private)):
        return _about_prefixes(prefixes)
    parts = [f"{kind.lower()}: {_shorten(names)}" for kind, names in _NAMES.findall(private)]
    sizes = _SIZES.findall(private)
    if sizes:
        name, stored, built = sizes[0]
        more = f", and {len(sizes) - 1} more" if sizes[1:] else ""
        parts.append(f"of another shape: {name}, ({stored}) in the file and ({built}) in build(2, 1){more}")
    if not parts:
        return None
    return "weights.names", "weights.safetensors", f"Of the tensors, {'; '.join(parts)}.", ""


def _about_prefixes(prefixes: Sequence[tuple[str, str]]) -> Advice:
    where, (old, new) = "weights.safetensors", prefixes[0]
    if len(prefixes) > 1:
        listed = ", ".join(f"`{one}`" for one, _ in prefixes[:_TENSORS_NAMED])
        found = f"It holds several models: the names of build(2, 1) stand behind {listed}."
        return "weights.several-models", where, found, f"mbc pack DIR --prefix {prefixes[0][0] or new}"
    stored = f"begin with `{old}`" if old else "have no prefix"
    built = f"begin with `{new}`" if new else "do not"
    return (
        "weights.prefix",
        where,
        f"The names of the tensors {stored}, and those of build(2, 1) {built}.",
        "",
    )


def _shorten(names: str) -> str:
    listed = [name.strip(' ."') for name in names.split(",")]
    more = f" and {len(listed) - _TENSORS_NAMED} more" if len(listed) > _TENSORS_NAMED else ""
    return ", ".join(listed[:_TENSORS_NAMED]) + more


_ADVISERS: Final = {
    Reason.OUTPUT_SHAPE: _about_shape,
    Reason.WEIGHTS_DO_NOT_FIT: _about_names,
}
