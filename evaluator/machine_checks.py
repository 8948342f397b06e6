"""What `mbc doctor` looks at besides sandboxes: swap, and who may read a board's data directory."""

import stat
from pathlib import Path
from typing import Final

_SWAPS: Final = Path("/proc/swaps")
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
# Of a data directory: itself, the database with the season's secret, the keys of sessions.
_PRIVATE: Final = ("*.sqlite*", "*.key", "tokens")


def swap(swaps: Path = _SWAPS) -> str:
    """Whether the machine swaps: of pages in memory, sandboxes could tell those that were swapped out."""
    try:
        rows = [line.split() for line in swaps.read_text(encoding="ascii").splitlines()[1:]]
    except OSError:
        return "unknown"
    size = sum(int(row[2]) for row in rows) // 1024
    if not rows:
        return "off"
    return f"on ({size:,} MiB): sandboxes could tell swapped pages from others; `swapoff -a` on a worker"


def data_directory(data: Path, *, mend: bool) -> str:
    """Whether other users may read a board's data directory, and what was done about it.

    Args:
        data: the directory that `mbc serve --data` has.
        mend: take their rights away.
    """
    candidates = [data, *(path for pattern in _PRIVATE for path in sorted(data.glob(pattern)))]
    opened = [path for path in candidates if path.exists() and stat.S_IMODE(path.stat().st_mode) & _OTHERS]
    if not data.is_dir():
        return f"{data} is not a directory"
    if not opened:
        return f"{data} is closed to other users"
    names = ", ".join(str(path) for path in opened)
    if not mend:
        return f"open to other users: {names}; --mend closes it, and so does the next start of `mbc serve`"
    for path in opened:
        try:
            path.chmod(stat.S_IMODE(path.stat().st_mode) & ~_OTHERS)
        except PermissionError:
            return f"open to other users, and somebody else's: {path}"
    return f"was open to other users, and is closed now: {names}"
