"""Which packages a submission imports, read from its sources, and what replaces those not promised."""

import ast
import sys
from collections.abc import Iterator, Mapping
from typing import Final

from challenge.util.syntax import parse

# What every judge has (specification, section 5), besides the standard library.
PROMISED: Final = ("torch", "numpy", "scipy", "sklearn", "safetensors")

_INSTEAD: Final = {
    "einops": "torch's reshape, permute and einsum do the same",
    "timm": "copy the layers that you need into a module beside model.py",
    "torchvision": "copy the layers that you need into a module beside model.py",
    "transformers": "copy the layers that you need into a module beside model.py",
    "lightning": "a plain torch.nn.Module is all that build returns",
    "pytorch_lightning": "a plain torch.nn.Module is all that build returns",
    "tinycudann": "a hash grid in plain torch is in submissions/hash_grid",
    "triton": "write it with torch's own operators",
    "flash_attn": "torch.nn.functional.scaled_dot_product_attention",
    "xformers": "torch.nn.functional.scaled_dot_product_attention",
    "torch_scatter": "torch.scatter_add or index_add",
    "cupy": "torch runs on the device that it is given",
    "jax": "write it with torch",
    "tensorflow": "write it with torch",
    "keras": "write it with torch",
    "numba": "write it with torch or NumPy",
    "pandas": "NumPy arrays are enough for coordinates",
    "matplotlib": "a model draws nothing: remove the import",
    "PIL": "a model draws nothing: remove the import",
    "tqdm": "nothing that a model prints is kept: remove the import",
    "wandb": "there is no network: remove the import",
}
_OTHERWISE: Final = "copy what you need into a module beside model.py"


def alternative(package: str) -> str:
    """What to do without a package."""
    return _INSTEAD.get(package.partition(".")[0], _OTHERWISE)


def beyond_the_promise(sources: Mapping[str, bytes]) -> list[tuple[str, str]]:
    """Imports of packages that are not promised to be there where a submission is judged.

    Args:
        sources: the submission's *.py files by name.

    Returns:
        (file, package), each once, in order. Files that do not parse are left to the import itself.
    """
    known = {*PROMISED, *sys.stdlib_module_names, *(name.removesuffix(".py") for name in sources)}
    found = {
        (name, package): None
        for name, source in sorted(sources.items())
        for package in _imported(source)
        if package not in known
    }
    return list(found)


def import_warnings(sources: Mapping[str, bytes]) -> list[str]:
    """A sentence for each import that is beyond the promise, with what to do without it."""
    return [
        f"{name} imports {package}, which is not promised to be there where it is judged (promised are "
        f"{', '.join(PROMISED)} and the standard library): {alternative(package)}."
        for name, package in beyond_the_promise(sources)
    ]


def _imported(source: bytes) -> Iterator[str]:
    try:
        tree = parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]
