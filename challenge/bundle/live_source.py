"""The model.py of a class or function that lives in this process, as in a notebook.

What `build` needs is collected: own classes and functions by their text, modules by import statements,
constants by their values. What cannot be written down this way is named.
"""

import ast
import builtins
import importlib
import inspect
import linecache
import symtable
import sys
import textwrap
import types
from typing import Any, Final

from challenge.bundle.imports import PROMISED, alternative
from challenge.results.verdicts import EvaluationError, Reason
from challenge.util.syntax import parse, parse_expression

_LIBRARIES: Final = frozenset({*PROMISED, *sys.stdlib_module_names}) - {"__main__"}
_HEADER: Final = """\
'''Written by `challenge.pack` from the objects of a running program.'''

from __future__ import annotations
"""


def model_source(*roots: tuple[str, Any], build_with: type | None = None) -> str:
    """The text of a model.py that defines the roots and everything that they use.

    Args:
        roots: (name, function or class): defined under that name.
        build_with: a class that is called with the numbers of inputs and outputs; `build` is made for it.

    Raises:
        EvaluationError: MODEL_CODE_FAILED, and what cannot be carried, by name.
    """
    collected = _Collection()
    for name, value in roots:
        collected.add(name, value)
    if build_with is not None:
        collected.add(build_with.__name__, build_with)
        collected.definitions.append(
            "def build(in_features, out_features):\n"
            f"    return {build_with.__name__}(in_features, out_features)\n"
        )
    parts = [_HEADER, "\n".join(sorted(collected.imports)), "\n".join(collected.constants)]
    return "\n".join(part.rstrip() + "\n" for part in parts if part) + "".join(
        f"\n\n{text.rstrip()}\n" for text in collected.definitions
    )


class _Collection:
    """Imports, constants and definitions, each once, what is used before what uses it."""

    def __init__(self) -> None:
        self.imports: set[str] = set()
        self.constants: list[str] = []
        self.definitions: list[str] = []
        self._names: dict[str, Any] = {}

    def add(self, name: str, value: Any, user: str = "") -> None:
        """Define `name` as `value`, which `user` needs."""
        if name in self._names:
            if self._names[name] is not value:
                raise _cannot(name, user, "two different objects have this name")
            return
        self._names[name] = value
        if isinstance(value, types.ModuleType):
            self._import(name, value.__name__, "", user)
        elif isinstance(value, type | types.FunctionType | types.BuiltinFunctionType):
            if (getattr(value, "__module__", None) or "").partition(".")[0] in _LIBRARIES:
                self._import(name, value.__module__, value.__qualname__, user)
            else:
                self._define(name, value, user)
        else:
            self.constants.append(f"{name} = {_literal(name, value, user)}")

    def _import(self, name: str, module: str, member: str, user: str) -> None:
        package = module.partition(".")[0]
        if package not in _LIBRARIES:
            raise _cannot(name, user, f"{package} is not where models are judged; {alternative(package)}")
        if not member:
            self.imports.add(f"import {module}" if name == module else f"import {module} as {name}")
            return
        found = getattr(importlib.import_module(module), member, None)
        if found is not self._names[name]:
            raise _cannot(name, user, f"{member} cannot be imported from {module}")
        renamed = "" if name == member else f" as {name}"
        self.imports.add(f"from {module} import {member}{renamed}")

    def _define(self, name: str, value: Any, user: str) -> None:
        if isinstance(value, types.FunctionType) and value.__code__.co_freevars:
            inside = ", ".join(value.__code__.co_freevars)
            raise _cannot(name, user, f"it uses {inside} of the function around it: pass them as arguments")
        if value.__name__ == "<lambda>":
            raise _cannot(name, user, "it is a lambda: write it as a function with def")
        try:
            source = _class_source(value) if isinstance(value, type) else inspect.getsource(value)
        except (OSError, TypeError) as error:
            raise _cannot(name, user, "its source is not found: define it in a cell or a file") from error
        text = textwrap.dedent(source)
        namespace = vars(sys.modules[value.__module__]) if isinstance(value, type) else value.__globals__
        for used in _globals_of(text):
            if used in namespace and used != value.__name__:
                self.add(used, namespace[used], name)
        self.definitions.append(text if name == value.__name__ else f"{text}\n\n{name} = {value.__name__}")


def _class_source(value: type) -> str:
    """The text of a class.

    `inspect` finds classes by their module's file, which a notebook's has not. Methods know their cell.

    Raises:
        OSError, TypeError: it is not to be found.
    """
    methods = [method for method in vars(value).values() if isinstance(method, types.FunctionType)]
    for method in (method for method in methods if method.__qualname__.startswith(f"{value.__qualname__}.")):
        lines = linecache.getlines(method.__code__.co_filename)
        for node in ast.walk(parse("".join(lines))):
            if not isinstance(node, ast.ClassDef) or node.name != value.__name__:
                continue
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            last = node.end_lineno or node.lineno
            if first <= method.__code__.co_firstlineno <= last:
                return "".join(lines[first - 1 : last])
    return inspect.getsource(value)


class _WithoutAnnotations(ast.NodeTransformer):
    """Takes annotations away: they are never evaluated in the file that is written."""

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.annotation = ast.Constant(None)
        return self.generic_visit(node)


def _globals_of(text: str) -> list[str]:
    """Names that a definition takes from around it, in alphabetical order."""
    tree = ast.unparse(ast.fix_missing_locations(_WithoutAnnotations().visit(parse(text))))
    found: set[str] = set()
    tables = [symtable.symtable(tree, "model.py", "exec")]
    top = tables[0]
    while tables:
        table = tables.pop()
        tables += table.get_children()
        for symbol in table.get_symbols():
            at_top = table is top and symbol.is_referenced() and not symbol.is_assigned()
            if at_top or (table is not top and symbol.is_global()):
                found.add(symbol.get_name())
    return sorted(name for name in found if not hasattr(builtins, name))


def _literal(name: str, value: Any, user: str) -> str:
    """A constant's value as Python writes it."""
    text = repr(value)
    try:
        same = ast.literal_eval(parse_expression(text)) == value
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        same = False
    if not same:
        kind = f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
        raise _cannot(name, user, f"a {kind} cannot be written as text: make it where it is used")
    return text


def _cannot(name: str, user: str, why: str) -> EvaluationError:
    used = f", which {user} uses," if user else ""
    return EvaluationError(Reason.MODEL_CODE_FAILED, f"{name}{used} cannot be carried into model.py: {why}.")
