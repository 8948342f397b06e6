"""Which shared libraries a program or library needs: its ELF dynamic section, and the loader's cache."""

# ruff: noqa: PTH112 - as in tree_files

import os
import re
import struct
import subprocess
from pathlib import Path
from typing import Final

_PT_LOAD, _PT_DYNAMIC, _PT_INTERP = 1, 2, 3
_DT_NEEDED, _DT_STRTAB = 1, 5
_LIBRARY: Final = re.compile(r"\.so(\.[\d.]+)?$")
_LINE: Final = re.compile(r"^\s+(\S+) \(([^)]*)\) => (\S+)$", re.MULTILINE)
_FOLDERS: Final = ("/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib")
_PROGRAM_HEADER: Final = struct.Struct("<IIQQQQQQ")
_DYNAMIC: Final = struct.Struct("<qQ")


def is_library(path: str) -> bool:
    """Whether the name is that of a shared library."""
    return _LIBRARY.search(path) is not None


def needed(path: str) -> tuple[list[str], str]:
    """Names of the libraries that a 64-bit ELF file needs, and its loader ("" for a library).

    Nothing, for other files. After the System V ABI, "Program Loading and Dynamic Linking".
    """
    with open(path, "rb") as file:  # noqa: PTH123 - for pread
        head = os.pread(file.fileno(), 64, 0)
        if head[:6] != b"\x7fELF\x02\x01":
            return [], ""
        (start,) = struct.unpack_from("<Q", head, 32)
        size, count = struct.unpack_from("<HH", head, 54)
        headers = [
            _PROGRAM_HEADER.unpack(os.pread(file.fileno(), _PROGRAM_HEADER.size, start + index * size))
            for index in range(count)
        ]
        loads = [(h[3], h[2], h[5]) for h in headers if h[0] == _PT_LOAD]
        loader, entries = "", []
        for kind, _, offset, _, _, length, _, _ in headers:
            content = os.pread(file.fileno(), length, offset) if kind in (_PT_INTERP, _PT_DYNAMIC) else b""
            if kind == _PT_INTERP:
                loader = content.rstrip(b"\0").decode()
            elif kind == _PT_DYNAMIC:
                entries = list(_DYNAMIC.iter_unpack(content[: len(content) // 16 * 16]))
        strings = next((value for tag, value in entries if tag == _DT_STRTAB), 0)
        table = next((o + strings - a for a, o, n in loads if a <= strings < a + n), 0)
        names = []
        for tag, value in entries:
            if tag == _DT_NEEDED and table:
                names.append(os.pread(file.fileno(), 256, table + value).partition(b"\0")[0].decode())
        return names, loader


def loader_cache() -> dict[str, str]:
    """Path by name, of the libraries that the loader finds by itself."""
    found = {}
    for folder in reversed(_FOLDERS):
        if os.path.isdir(folder):
            found.update({path.name: str(path) for path in Path(folder).glob("*.so*")})
    for program in ("/sbin/ldconfig", "/usr/sbin/ldconfig"):
        if os.access(program, os.X_OK):
            ran = subprocess.run([program, "-p"], capture_output=True, text=True, check=False)
            # Of several the loader takes the first.
            lines = reversed(_LINE.findall(ran.stdout))
            found |= {name: path for name, kind, path in lines if "64" in kind}
            break
    return found
