"""Ubuntu's restriction of user namespaces, and the profile that lifts it for bubblewrap alone.

Since 23.10 Ubuntu forbids namespaces to programs without a profile (its wiki: "Restricted unprivileged user
namespaces"). The profile has the form of those that Ubuntu ships for other such programs.
"""

import subprocess
from pathlib import Path
from typing import Final

from challenge.util.exit_codes import SettingError
from evaluator.sandbox import diagnosis

FOLDER: Final = Path("/etc/apparmor.d")
NAME: Final = "mbc-bwrap"
PROFILE: Final = """\
# Lets bubblewrap make user namespaces, in which submissions are judged. Made by `mbc doctor`.
# It holds for everybody who starts /usr/bin/bwrap. To take it back: apparmor_parser -R, and delete this file.
abi <abi/4.0>,
include <tunables/global>

profile mbc-bwrap /usr/bin/bwrap flags=(unconfined) {
  userns,
  include if exists <local/mbc-bwrap>
}
"""
_PROGRAM: Final = "/usr/bin/bwrap"
_PARSER: Final = "/usr/sbin/apparmor_parser"


def restricts() -> bool:
    """Whether AppArmor forbids user namespaces to programs without a profile."""
    return diagnosis.read(diagnosis.APPARMOR_SWITCH).strip() == "1"


def existing(folder: Path = FOLDER) -> Path | None:
    """The profile of bubblewrap that is there: a second one for the same program would conflict with it."""
    for path in sorted(folder.glob("*")) if folder.is_dir() else ():
        if path.is_file() and any(
            _PROGRAM in line for line in diagnosis.read(path).splitlines() if line.startswith("profile")
        ):
            return path
    return None


def install(folder: Path = FOLDER, parser: str = _PARSER) -> Path:
    """Write the profile and load it into the kernel.

    Raises:
        SettingError: it cannot be written or loaded; nothing is left of it then.
    """
    path = folder / NAME
    try:
        path.write_text(PROFILE, encoding="utf-8")
        path.chmod(0o644)
        loaded = subprocess.run([parser, "--replace", path], capture_output=True, text=True, check=False)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise SettingError(f"the profile cannot be installed: {error}") from error
    if loaded.returncode:
        path.unlink()
        raise SettingError(f"AppArmor does not take the profile: {loaded.stderr.strip()[-300:]}")
    return path
