"""Directories that take some of their files from another one: variants of one source.

A `variant.toml` names the directory beside this one, and what is taken from it:

    of = "quadtree_light"
    files = ["growth.py", "model.py", "tree.py"]

It is resolved whenever the directory is read, so an archive packed from it holds every file itself.
"""

import tomllib
from pathlib import Path
from typing import Final

from challenge.bundle.limits import member_limit
from challenge.results.refusals import refuse
from challenge.results.verdicts import EvaluationError

VARIANT: Final = "variant.toml"


def borrowed_files(directory: Path) -> dict[str, Path]:
    """The files that a directory takes from another one, by name; {} without a variant.toml.

    Raises:
        EvaluationError: variant.toml cannot be followed; the sentence says why.
    """
    path = directory / VARIANT
    if not path.is_file():
        return {}
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
        of, names = values.pop("of"), values.pop("files")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _refused(f"{path} is not TOML: {error}.") from error
    except KeyError as error:
        raise _refused(f"{path} has no {error}.") from error
    if values:
        raise _refused(f"{path} has more than of and files: {', '.join(values)}.")
    if not isinstance(of, str) or Path(of).name != of or of in {"", ".", ".."}:
        raise _refused(f"{path}: of is {of!r}, and not a directory beside this.")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise _refused(f"{path}: files is not a list of names.")
    # Not resolved by links: the directory beside this one, as this one was named.
    source = directory.absolute().parent / of
    return {name: _borrowed(directory, source, name) for name in names}


def source_file(directory: Path, name: str) -> Path:
    """Where a directory's file is: in it, or where its variant.toml takes it from. It may not exist.

    Raises:
        EvaluationError: variant.toml cannot be followed.
    """
    return borrowed_files(directory).get(name, directory / name)


def _refused(sentence: str) -> EvaluationError:
    return refuse("bundle.variant", sentence, where=VARIANT)


def _borrowed(directory: Path, source: Path, name: str) -> Path:
    if member_limit(name) is None or "/" in name:
        raise _refused(f"{name!r} is not a file of a bundle.")
    if (directory / name).exists():
        raise _refused(f"{name} is taken from {source.name} and is here as well.")
    if not (source / name).is_file():
        raise _refused(f"There is no {name} in {source}.")
    return source / name
