"""What a sandbox gets to see: the bundle's sources and weights, and the runner's files."""

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

from challenge.bundle import state_loading, tensor_file
from challenge.bundle.reader import Bundle
from challenge.results.verdicts import EvaluationError, Reason
from challenge.training import refit
from challenge.util import own_traceback
from evaluator.sandbox import inspection, protocol, recipe_steps

_PREFIX: Final = "mbc-sandbox-"
# Never imported here: it reads its options as soon as it is.
_RUNNER = Path(__file__).with_name("runner.py")
# Nor that, which needs what only Linux has.
_FORK_SERVER = Path(__file__).with_name("fork_server.py")


def require_temporary_folder() -> None:
    """Check that a folder for temporary files can be written to.

    Raises:
        EvaluationError: SANDBOX_UNAVAILABLE, with what to do.
    """
    try:
        tempfile.gettempdir()
    except FileNotFoundError as error:
        raise EvaluationError(
            Reason.SANDBOX_UNAVAILABLE,
            "No folder for temporary files can be written: the disk is full or read-only. Free some of it, "
            f"or name a folder in TMPDIR. ({error.strerror})",
        ) from error


def staged(bundle: Bundle) -> dict[str, bytes]:
    """The files by their path: the bundle's in "bundle", the runner's in "runner"."""
    return {f"bundle/{name}": content for name, content in of_bundle(bundle).items()} | of_runner()


def of_bundle(bundle: Bundle) -> dict[str, bytes]:
    """What a submission finds of its bundle, by name."""
    return bundle.sources | {"weights.safetensors": bundle.weights}


def of_runner() -> dict[str, bytes]:
    """The runner's files, by their path."""
    modules = (protocol, refit, tensor_file, recipe_steps, state_loading, inspection, own_traceback)
    sources = (_RUNNER, *(Path(str(module.__file__)) for module in modules))
    return {f"runner/{source.name}": source.read_bytes() for source in sources}


def of_forks() -> dict[str, bytes]:
    """The runner's files, and that of the server that forks it."""
    return of_runner() | {f"runner/{_FORK_SERVER.name}": _FORK_SERVER.read_bytes()}


def stage(bundle: Bundle) -> Path:
    """Write the files, read-only, into a new temporary folder.

    Its name tells which process made it, so that `remove_stale` finds what a killed one has left.

    Raises:
        EvaluationError: DISK_FULL, where they cannot be written.
    """
    folder = None
    try:
        mark = f"{os.getpid()}-{_started(os.getpid())}-{_namespace()}"
        folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{mark}-"))
        for name, content in staged(bundle).items():
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
            if sys.platform != "win32":
                # There it could not be removed.
                path.chmod(0o400)
    except OSError as error:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
        raise EvaluationError(Reason.DISK_FULL, f"({error})") from error
    return folder


def remove_stale() -> None:
    """Remove the folders of processes that are gone, as far as they are this user's to remove."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*-*-*"):
        process, started, namespace, _ = folder.name.removeprefix(_PREFIX).split("-", 3)
        # Another container's numbers say nothing here.
        if started and namespace == _namespace() and _started(int(process)) != started:
            shutil.rmtree(folder, ignore_errors=True)


def _namespace() -> str:
    """Number of the namespace of processes; "" where nothing says it."""
    try:
        return str(Path("/proc/self/ns/pid").stat().st_ino)
    except OSError:
        return ""


def _started(process: int) -> str:
    """When a process was started, in ticks, by which two of one number differ; "" where nothing says it."""
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    except OSError:
        return ""
