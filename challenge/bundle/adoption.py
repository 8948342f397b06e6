"""Make a submission's directory from a checkpoint and the source of its model."""

import ast
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from challenge.bundle.imports import beyond_the_promise
from challenge.bundle.manifest import parse_manifest
from challenge.bundle.renaming import replace_prefix
from challenge.bundle.state_dict import convert_state_dict, read_state_dict
from challenge.util.syntax import parse

# What constructors call the number of inputs and of outputs.
_INPUTS: Final = frozenset(
    {
        "in_features", "in_dim", "in_dims", "in_channels", "in_size", "input_size", "input_dim", "input_dims",
        "n_in", "num_inputs", "n_inputs", "inputs", "d_in", "dim_in", "in_", "i", "nin",
    }
)  # fmt: skip
_OUTPUTS: Final = frozenset(
    {
        "out_features", "out_dim", "out_dims", "out_channels", "out_size", "output_size", "output_dim",
        "output_dims", "n_out", "num_outputs", "n_outputs", "outputs", "d_out", "dim_out", "out", "o", "nout",
    }
)  # fmt: skip
_DESCRIPTION: Final = "Trained elsewhere; say here what it is and how it was trained."


@dataclass(frozen=True)
class Adopted:
    """What was made.

    Attributes:
        notes: sentences about what was done and what is missing.
        is_whole: whether it has everything that a bundle needs.
    """

    notes: tuple[str, ...]
    is_whole: bool


def adopt(
    checkpoint: Path, directory: Path, *, code: str | None, entry: str, prefix: str, name: str, author: str
) -> Adopted:
    """Write weights.safetensors, submission.toml and, from its source, model.py into a directory.

    Args:
        checkpoint: any file of `read_state_dict`.
        directory: made if it is not there; its files are not overwritten.
        code: "file.py:Name" of the class or the function that makes the model; None if there is none.
        entry: which state dict to take where there are several.
        prefix: which tensors to take where there are several models, such as "ema."; it is taken off.
        name: of the submission.
        author: of it.

    Raises:
        EvaluationError: the checkpoint has no single state dict; or the name is refused.
        ValueError: `code` names nothing, or a file is there already.
        OSError: something cannot be written.
    """
    source = _Source.read(code) if code else None
    manifest = _manifest(name, author)
    parse_manifest(manifest.encode())
    weights, model, texts = (
        directory / part for part in ("weights.safetensors", "model.py", "submission.toml")
    )
    taken = [path.name for path in (weights, model if source else weights) if path.exists()]
    if taken:
        raise ValueError(f"{directory} has {taken[0]} already: name another directory, or move the file away")
    sources = [source.text.encode()] if source else []
    # Read first, so that a refused checkpoint leaves no directory behind.
    found = read_state_dict(checkpoint, entry=entry, sources=sources)
    if not any(tensor.startswith(prefix) for tensor in found.state):
        raise ValueError(f"no tensor of {checkpoint} has a name that begins with {prefix!r}")
    directory.mkdir(parents=True, exist_ok=True)
    notes = convert_state_dict(checkpoint, weights, entry=entry, sources=sources)
    notes += replace_prefix(weights, prefix, "") if prefix else []
    if not texts.exists():
        texts.write_text(manifest, "utf-8")
        notes.append(f"Wrote {texts}: describe your method there.")
    if source is not None:
        model.write_text(source.model(), "utf-8")
        notes.append(f"Wrote {model}: {source.name} of {source.path.name}, and build at its end.")
        notes += _bring_helpers(source, directory)
    elif not model.is_file():
        notes.append(
            f"{model} is missing: it needs `def build(in_features, out_features)`, which returns your module "
            "for any numbers of inputs and outputs. With its source: "
            f"mbc adopt {checkpoint} --as {directory} --code FILE.py:CLASS"
        )
    return Adopted(tuple(notes), model.is_file())


def _manifest(name: str, author: str) -> str:
    # A JSON string without surrogates is also a TOML string.
    fields = {"name": name[:200], "author": author[:200], "description": _DESCRIPTION}
    lines = [f"{field} = {json.dumps(text, ensure_ascii=False)}" for field, text in fields.items()]
    return "\n".join(["api = 1", *lines, ""])


@dataclass(frozen=True)
class _Source:
    """The file that a model's class or function stands in."""

    path: Path
    name: str
    text: str
    call: str

    @classmethod
    def read(cls, code: str) -> "_Source":
        file, _, name = code.rpartition(":")
        path = Path(file)
        if not file or not name.isidentifier():
            raise ValueError(f"--code is FILE.py:NAME, not {code!r}")
        try:
            text = path.read_text("utf-8-sig")
            tree = parse(text)
        except (OSError, UnicodeDecodeError, SyntaxError, ValueError) as error:
            raise ValueError(f"{path} cannot be read as Python: {error}") from error
        for node in tree.body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
                return cls(path, name, text, _call(node))
        made = [n.name for n in tree.body if isinstance(n, ast.ClassDef | ast.FunctionDef)]
        raise ValueError(f"{path} has no class or function {name!r}; it has {', '.join(made) or 'none'}")

    def model(self) -> str:
        """The text of model.py: the file as it is, and `build` at its end."""
        if self.name == "build":
            return self.text
        return (
            f"{self.text.rstrip()}\n\n\n"
            "def build(in_features, out_features):\n"
            '    """Make the model for any number of inputs and outputs."""\n'
            f"    return {self.call}\n"
        )


def _call(node: ast.ClassDef | ast.FunctionDef) -> str:
    """The expression that makes the model, with the numbers of inputs and outputs where it takes them."""
    function: ast.FunctionDef | None
    if isinstance(node, ast.FunctionDef):
        function, skipped = node, 0
    else:
        inits = (n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__")
        function, skipped = next(inits, None), 1
    if function is None:
        return f"{node.name}()"
    named = [argument.arg for argument in function.args.args[skipped:]]
    needed = named[: len(named) - len(function.args.defaults)]
    given = {
        argument: ("in_features" if argument in _INPUTS else "out_features")
        for argument in [*named, *(argument.arg for argument in function.args.kwonlyargs)]
        if argument in _INPUTS | _OUTPUTS
    }
    unknown = [argument for argument in needed if argument not in given]
    if not given and len(unknown) == len(("in", "out")):
        # Two numbers under names of their own: inputs come first, as in torch's layers.
        given, unknown = dict(zip(unknown, ("in_features", "out_features"), strict=True)), []
    if unknown:
        raise ValueError(
            f"{node.name} needs {', '.join(unknown)}, which have no defaults: give them some in its source, "
            "or write a function build(in_features, out_features) and name it"
        )
    return f"{node.name}({', '.join(f'{argument}={value}' for argument, value in given.items())})"


def _bring_helpers(source: _Source, directory: Path) -> list[str]:
    """Copy the modules that the source imports from its own folder; notes on them and on other imports."""
    notes = []
    for _, package in beyond_the_promise({source.path.name: source.text.encode()}):
        beside = source.path.with_name(f"{package}.py")
        if beside.is_file():
            target = directory / beside.name
            if not target.exists():
                target.write_bytes(beside.read_bytes())
            notes.append(f"Copied {beside.name}, which it imports.")
        else:
            notes.append(f"It imports {package}, which may be missing where it is judged.")
    loops = (node for node in parse(source.text).body if isinstance(node, ast.For | ast.While))
    if (loop := next(loops, None)) is not None:
        notes.append(
            f"Line {loop.lineno} of {source.path.name} runs whenever it is imported: put it under "
            'if __name__ == "__main__".'
        )
    if "in_features" not in source.model().rpartition("def build")[2].partition("return")[2]:
        notes.append(
            f"{source.name} takes no number of inputs: build has to make a model for any, or controls fail."
        )
    return notes
