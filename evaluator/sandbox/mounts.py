"""What a sandbox sees of the host: the system's programs and libraries, and the Python environment."""

import importlib.util
import stat
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

# Where roots that the sandbox's user cannot reach are bound, in a private mount namespace.
EXPOSED: Final = Path("/mnt")
_EXPOSE_SCRIPT: Final = """
mount -t tmpfs -o mode=0755,size=64k exposed "$1"; exposed=$1; user=$2; left=$3; shift 3
while [ "$left" -gt 0 ]; do
    mkdir "$exposed/$left"; mount --bind "$1" "$exposed/$left"; shift; left=$((left - 1))
done
exec setpriv --pdeathsig KILL --reuid "$user" --regid "$user" --clear-groups "$@"
"""


def libraries() -> list[str]:
    """Directories of torch and the other packages, for sys.path of an interpreter without `site`."""
    found = [_real(sysconfig.get_path(name)) for name in ("purelib", "platlib")]
    for package in ("torch", "safetensors", "numpy"):
        spec = importlib.util.find_spec(package)
        if spec and spec.origin:
            found.append(_real(spec.origin).parent.parent)
    return [str(path) for path in dict.fromkeys(found)]


def unreachable_roots() -> dict[Path, Path]:
    """Roots of the environment below a directory closed to other users, and where they are shown.

    A root that is itself closed to other users stays closed, and is not among them.
    """
    shut = [root for root in _roots() if (door := first_closed_directory(root)) and door != root]
    return {root: EXPOSED / str(len(shut) - index) for index, root in enumerate(shut)}


def first_closed_directory(path: Path) -> Path | None:
    """The first directory on the way to `path` that other users may not enter."""
    for folder in (*reversed(path.parents), path):
        if folder.is_dir() and not folder.stat().st_mode & stat.S_IXOTH:
            return folder
    return None


def with_exposed_roots(command: Sequence[str], user: int, exposed: Mapping[Path, Path]) -> list[str]:
    """The command as `user`, with the unreachable roots bound below EXPOSED. Only root can run it."""
    parameters = [str(EXPOSED), str(user), str(len(exposed)), *map(str, exposed)]
    shell = ["/bin/sh", "-euc", _EXPOSE_SCRIPT, "expose", *parameters]
    return ["unshare", "--mount", "--propagation", "private", *shell, *command]


def arguments(exposed: Mapping[Path, Path]) -> list[str]:
    """The arguments of bubblewrap for all of it, read-only; nothing of this project."""
    args = ["--ro-bind", "/usr", "/usr", "--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"]
    for name in ("bin", "lib", "lib32", "lib64", "libx32", "sbin"):
        path = Path("/") / name
        if path.is_symlink():
            args += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            args += ["--ro-bind", str(path), str(path)]
    shown = [Path("/usr")]
    for root in _roots():
        # Of an environment that somebody made in a project's own folder, not the project.
        for part in ("bin", "lib", "lib64", "pyvenv.cfg"):
            path = root / part
            if path.is_symlink():
                args += ["--symlink", str(path.readlink()), str(path)]
            elif path.exists():
                args += ["--ro-bind", str(exposed.get(root, root) / part), str(path)]
                shown.append(path)
    for prefix in (sys.base_prefix, sys.prefix):
        if Path(prefix) != _real(prefix):
            args += ["--symlink", str(_real(prefix)), str(prefix)]
    return args + _masks(shown)


def _real(path: str) -> Path:
    return Path(path).resolve()


def _roots() -> list[Path]:
    """The environment's folders outside /usr."""
    roots = dict.fromkeys(_real(prefix) for prefix in (sys.base_prefix, sys.prefix))
    return [root for root in roots if not root.is_relative_to("/usr")]


def _masks(shown: list[Path]) -> list[str]:
    """Hide this project's packages where they are installed beside the libraries."""
    args = []
    for package in ("challenge", "evaluator", "leaderboard"):
        spec = importlib.util.find_spec(package)
        for folder in (spec.submodule_search_locations or []) if spec else []:
            installed = _real(folder)
            if any(installed.is_relative_to(path) for path in shown):
                args += ["--size", "4096", "--tmpfs", str(installed), "--remount-ro", str(installed)]
    return args
