"""Where the programs are that the evaluator starts: never where others could have put one of that name."""

import os
import shutil
import stat
from pathlib import Path
from typing import Final

_SYSTEM: Final = ("/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin")


def find(name: str) -> str | None:
    """The program's path; None where there is none, or only in a folder that other users may write.

    The system's folders come first, then those of PATH, as far as they are absolute.
    """
    if os.sep in name:
        return shutil.which(name)
    listed = os.environ.get("PATH", "").split(os.pathsep)
    folders = [*_SYSTEM, *(folder for folder in listed if folder and _only_ours(Path(folder)))]
    return shutil.which(name, path=os.pathsep.join(folders))


def _only_ours(folder: Path) -> bool:
    try:
        found = folder.stat()
    except OSError:
        return False
    others = stat.S_IWOTH | (stat.S_IWGRP if found.st_gid != 0 else 0)
    return folder.is_absolute() and found.st_uid in (0, os.geteuid()) and not found.st_mode & others
