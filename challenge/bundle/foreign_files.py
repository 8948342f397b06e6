"""Files of weights that are not loaded: pickles and other code, and files of other programs.

Nothing of them is executed. Each is refused with the lines that save its weights as they are taken.
"""

import pickletools
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

from challenge.results.refusals import refuse
from challenge.results.verdicts import EvaluationError

_PICKLE_START: Final = frozenset({"PROTO", "FRAME", "MARK"})
_GLOBALS: Final = frozenset({"GLOBAL", "STACK_GLOBAL"})
# Under which people keep a model or its state dict, best first.
_KEYS: Final = (
    "model_state_dict", "state_dict", "ema_state_dict", "model", "ema", "net", "network", "generator",
    "params", "weights", "module",
)  # fmt: skip
_OPERATIONS: Final = 100_000
_HEAD: Final = 4096
_LISTED: Final = 4


def refuse_file(path: Path, error: Exception, allowed: list[Any]) -> EvaluationError:
    """The refusal of a file that torch does not load as weights only.

    Args:
        path: the file.
        error: what torch raised.
        allowed: what was allowed beside tensors, for `torch.serialization.safe_globals`.
    """
    cannot = f"{path.name} cannot be loaded as weights only"
    pickled = _Pickle.read(path, allowed)
    if _is_torchscript(path):
        return refuse(
            "weights.pickle",
            f"{cannot}: it is a TorchScript archive, which is code.",
            where=path.name,
            remedy=f'model = torch.jit.load("{path.name}"); torch.save(model.state_dict(), "weights.pt")',
        )
    if pickled.whole:
        return refuse(
            "weights.pickle",
            f"{cannot}: it is a whole pickled {pickled.whole}, which is code and not a state dict.",
            where=path.name,
            remedy=f'model = torch.load("{path.name}", weights_only=False); '
            'torch.save(model.state_dict(), "weights.pt")',
        )
    if pickled.others:
        return refuse(
            "weights.pickle",
            f"{cannot}: beside the tensors it holds {', '.join(pickled.others[:_LISTED])}, "
            "which may be code.",
            where=path.name,
            remedy=f'saved = torch.load("{path.name}", weights_only=False); '
            f'torch.save({pickled.state}, "weights.pt")',
        )
    what, remedy = _format_of(path)
    found = (
        f"{path.name} is {what}, and no file of torch.save." if what else f"{cannot}: {type(error).__name__}."
    )
    return refuse("weights.none", found, where=path.name, remedy=remedy)


@dataclass(frozen=True)
class _Pickle:
    """What a pickle names.

    Attributes:
        whole: class of a wholly pickled object; '' for a container.
        others: classes that are not loaded.
        state: an expression for the state dict in what was loaded as `saved`.
    """

    whole: str = ""
    others: tuple[str, ...] = ()
    state: str = ""

    @classmethod
    def read(cls, path: Path, allowed: list[Any]) -> "_Pickle":
        import torch  # noqa: PLC0415 - the caller has loaded it

        try:
            with torch.serialization.safe_globals(allowed):
                unsafe = sorted(torch.serialization.get_unsafe_globals_in_checkpoint(path))
            with zipfile.ZipFile(path) as archive:
                (pickled,) = [name for name in archive.namelist() if name.endswith("/data.pkl")]
                operations = [
                    (operation.name, argument)
                    for operation, argument, _ in islice(
                        pickletools.genops(archive.read(pickled)), _OPERATIONS
                    )
                ]
        except Exception:  # noqa: BLE001 - hostile bytes; whatever goes wrong, nothing is known of them
            return cls()
        first, argument = next((one for one in operations if one[0] not in _PICKLE_START), ("", None))
        named = str(argument).replace(" ", ".") if first == "GLOBAL" else next(iter(unsafe), "")
        texts = {argument for name, argument in operations if "UNICODE" in name}
        key = next((key for key in _KEYS if key in texts), "model_state_dict")
        state = f'saved["{key}"]'
        if any(name.startswith("torch.nn.") for name in unsafe):
            state += ".state_dict()"
        return cls(
            named if first in _GLOBALS and named in unsafe else "",
            tuple(name for name in unsafe if not name.startswith("numpy.")),
            state,
        )


def _is_torchscript(path: Path) -> bool:
    return any("/code/" in name or name.endswith("/constants.pkl") for name in _members(path))


def _members(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError):
        return []


_Test = Callable[[bytes, list[str]], Any]
_SAVE: Final = 'torch.save({name: torch.as_tensor(values) for name, values in saved.items()}, "weights.pt")'


@dataclass(frozen=True)
class _Format:
    """How a file of another program is recognised, what it is, and what to do: PATH stands for its name."""

    test: _Test
    what: str
    remedy: str = ""


def _format_of(path: Path) -> tuple[str, str]:
    """What a file is, judged by its first bytes, and what to do; ('', '') if nothing is known."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    members = _members(path)
    found = next((one for one in _FORMATS if one.test(head, members)), _Format(_starts(), ""))
    return found.what, found.remedy.replace("PATH", path.name)


def _starts(*beginnings: bytes) -> _Test:
    return lambda head, _: head.lstrip().lower().startswith(beginnings)


_FORMATS: Final = (
    _Format(lambda head, _: not head, "empty", "Save or copy it again"),
    _Format(
        lambda head, _: head[4:9] == bytes(4) + b"{",
        "a safetensors file under another name",
        "mv PATH weights.safetensors",
    ),
    _Format(_starts(b"version https://git-lfs"), "a pointer of Git LFS in place of the file", "git lfs pull"),
    _Format(_starts(b"<!doctype", b"<html"), "a web page, not what it links to", "Download the file itself"),
    _Format(
        _starts(b"\x89hdf"),
        "an HDF5 file, as Keras writes",
        "Copy its arrays into a state dict of torch tensors, and torch.save that",
    ),
    _Format(_starts(b"\x1f\x8b"), "compressed by gzip", "gunzip PATH"),
    _Format(_starts(b"\x93numpy"), "one array of NumPy", "Save a state dict, with a name for each array"),
    _Format(
        lambda _, members: bool(members) and all(name.endswith(".npy") for name in members),
        "an archive of NumPy arrays",
        f'saved = numpy.load("PATH"); {_SAVE}',
    ),
    _Format(
        lambda _, members: any(name.endswith((".json", "archive_format")) for name in members),
        "an archive of torch.export, which is code",
        'torch.save(dict(torch.export.load("PATH").state_dict), "weights.pt")',
    ),
    _Format(
        lambda head, _: b"joblib" in head,
        "a pickle of joblib, which may be code",
        f'saved = joblib.load("PATH"); {_SAVE}',
    ),
    _Format(
        lambda head, _: head[:1] == b"\x80",
        "a plain pickle, which may be code",
        f'saved = pickle.load(open("PATH", "rb")); {_SAVE}',
    ),
    _Format(lambda head, _: head.isascii() and head.decode("ascii").isprintable(), "text"),
)
