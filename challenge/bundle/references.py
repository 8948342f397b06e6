"""The reference submissions: package data of an installation, `submissions/` of a clone."""

from importlib.resources import files
from pathlib import Path


def reference_folder() -> Path:
    """The folder that holds a directory for each reference submission."""
    installed = Path(str(files("challenge"))) / "references"
    return installed if installed.is_dir() else Path(__file__).resolve().parents[2] / "submissions"


def reference_kinds() -> list[str]:
    """Names of the reference submissions, sorted."""
    return sorted(path.parent.name for path in reference_folder().glob("*/submission.toml"))
