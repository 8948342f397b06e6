"""The folder a sandbox gets to see: the bundle's sources and weights, and the child's three files."""

import os
import shutil
import tempfile
from pathlib import Path

from challenge import training
from challenge.bundle import Bundle
from evaluator import wire

# Never imported here: it reads its options as soon as it is.
_CHILD = Path(__file__).parent.with_name("child.py")


def stage(bundle: Bundle, owner: int | None = None) -> Path:
    """Write the files for one sandbox, read-only, into a new temporary folder.

    Args:
        bundle: its sources and weights go to "bundle"; the child's files to "runner".
        owner: uid that has to be able to read them; None for ours.
    """
    folder = Path(tempfile.mkdtemp(prefix="mbc-sandbox-"))
    try:
        files = {f"bundle/{name}": content for name, content in bundle.sources.items()}
        files["bundle/weights.safetensors"] = bundle.weights
        for source in (_CHILD, Path(wire.__file__), Path(training.__file__)):
            files[f"runner/{source.name}"] = source.read_bytes()
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
            path.chmod(0o400)
            if owner is not None:
                os.chown(path, owner, owner)
        if owner is not None:
            for path in (folder / "bundle", folder / "runner", folder):
                os.chown(path, owner, owner)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder
