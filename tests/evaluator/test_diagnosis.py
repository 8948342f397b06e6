"""Which layer refuses a sandbox: told from what machines that have it answer."""

import errno
import os
import sys
from dataclasses import replace

import pytest
from click.testing import CliRunner

from challenge.util.exit_codes import SettingError
from evaluator.cli import doctor
from evaluator.sandbox import apparmor, diagnosis, programs
from evaluator.sandbox.diagnosis import Machine, why_no_landlock, why_no_namespaces

DEBIAN = Machine("6.1.0-28-amd64", "#1 SMP PREEMPT_DYNAMIC Debian 6.1.119-1 (2024-11-22)")
UBUNTU = Machine("6.8.0-36-generic", "#36-Ubuntu SMP PREEMPT_DYNAMIC Mon Jun 10 2024", apparmor=True)
NOT_SETUID = (
    "bwrap: Creating new namespace failed, likely because the kernel does not support user namespaces. "
    "bwrap must be installed setuid on such systems."
)
NO_RIGHT = (
    "bwrap: No permissions to create new namespace, likely because the kernel does not allow non-privileged "
    "user namespaces."
)
# (machine, what bubblewrap says there, what the sentence has to name).
REFUSED = {
    "docker": (replace(DEBIAN, filtered=True, unshare=errno.EPERM), NO_RIGHT, "--security-opt seccomp="),
    "docker on ubuntu": (replace(UBUNTU, filtered=True, unshare=errno.EPERM), NO_RIGHT, "filter of system"),
    "ubuntu, ids": (UBUNTU, "bwrap: setting up uid map: Permission denied", "--install-apparmor-profile"),
    "ubuntu, network": (
        UBUNTU, "bwrap: loopback: Failed RTM_NEWADDR: Operation not permitted", "--install-apparmor-profile"
    ),
    "podman": (
        replace(DEBIAN, filtered=True), "bwrap: Can't set hostname to sandbox: Operation not permitted",
        "seccomp=unconfined",
    ),
    "podman without a filter": (
        DEBIAN, "bwrap: cannot open /proc/sys/user/max_user_namespaces: Read-only file system", "unmask=ALL",
    ),
    "debian 10": (
        replace(DEBIAN, release="4.19.0-27-amd64", clone_allowed=False, unshare=errno.EPERM), NO_RIGHT,
        "kernel.unprivileged_userns_clone=1",
    ),
    "sysctl": (
        replace(DEBIAN, most_namespaces=0, unshare=errno.ENOSPC), NOT_SETUID, "user.max_user_namespaces=",
    ),
    "kernel without": (replace(DEBIAN, unshare=errno.EINVAL), NOT_SETUID, "CONFIG_USER_NS"),
    "gvisor": (
        Machine("4.4.0", "#1 SMP Sun Jan 10 15:06:54 PST 2016", unshare=errno.EPERM), NO_RIGHT, "gVisor"
    ),
    "old bubblewrap": (DEBIAN, "bwrap: Unknown option --disable-userns", "0.8 or later"),
    "something else": (DEBIAN, "bwrap: Out of memory", "Out of memory"),
}  # fmt: skip
NO_LANDLOCK = {
    "old kernel": (replace(DEBIAN, release="5.10.0-33-amd64", landlock=errno.ENOSYS), "5.13 or later"),
    "switched off": (replace(DEBIAN, landlock=errno.EOPNOTSUPP), "lsm="),
    "built without": (replace(DEBIAN, landlock=errno.ENOSYS), "built without"),
    "old engine": (replace(DEBIAN, filtered=True, landlock=errno.EPERM), "filter of system calls"),
    "gvisor": (
        Machine("4.4.0", "#1 SMP Sun Jan 10 15:06:54 PST 2016", landlock=errno.ENOSYS), "gVisor"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_the_layer_that_refuses_namespaces_is_named_with_its_remedy(name):
    machine, said, named = REFUSED[name]
    sentence = why_no_namespaces(machine, said)
    assert named in sentence
    containers = {"filter of system", "--security-opt seccomp=", "seccomp=unconfined", "unmask=ALL"}
    others = {other for _, _, other in REFUSED.values()} - {named} - containers
    assert not [other for other in others if other in sentence]


@pytest.mark.parametrize("name", NO_LANDLOCK)
def test_the_layer_that_refuses_landlock_is_named_with_its_remedy(name):
    machine, named = NO_LANDLOCK[name]
    assert named in why_no_landlock(machine)


def test_where_landlock_is_there_nothing_is_said():
    assert why_no_landlock(DEBIAN) == ""


def test_this_machine_can_be_observed():
    machine = diagnosis.observe()
    assert machine.release == os.uname().release
    assert (machine.landlock == 0) == (diagnosis.landlock_abi()[0] > 0)
    assert not machine.gvisor


def test_programs_are_not_taken_from_where_others_could_have_put_them(tmp_path, monkeypatch):
    for name in ("bwrap", "only-here"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.chdir(tmp_path)
    for path in (f"{tmp_path}", ".", "", f"::{tmp_path}"):
        monkeypatch.setenv("PATH", path)
        assert programs.find("bwrap") != str(tmp_path / "bwrap")
        # As root and in a folder of root's own it may be a person's own installation.
        tmp_path.chmod(0o777)
        assert programs.find("only-here") is None
        tmp_path.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert programs.find("only-here") == str(tmp_path / "only-here")
    assert programs.find("no-such-program") is None
    assert programs.find(sys.executable) == sys.executable


def test_the_apparmor_profile_is_installed_once_and_whole_or_not_at_all(tmp_path):
    path = apparmor.install(tmp_path, "/bin/true")
    assert apparmor.existing(tmp_path) == path
    assert path.stat().st_mode & 0o777 == 0o644
    path.unlink()
    (tmp_path / "other").write_text("profile other /usr/bin/other {\n  # /usr/bin/bwrap\n}\n")
    for parser in ("/bin/false", "/no/such/parser"):
        with pytest.raises(SettingError):
            apparmor.install(tmp_path, parser)
    assert apparmor.existing(tmp_path) is None


def test_without_the_restriction_nothing_is_installed(monkeypatch, tmp_path):
    ran = CliRunner().invoke(doctor, ["--install-apparmor-profile"])
    assert (ran.exit_code, "nothing is to be installed" in ran.output) == (0, True)
    switch = tmp_path / "switch"
    switch.write_text("1\n")
    monkeypatch.setattr(diagnosis, "APPARMOR_SWITCH", switch)
    monkeypatch.setattr(apparmor, "FOLDER", tmp_path)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    ran = CliRunner().invoke(doctor, ["--install-apparmor-profile"], input="n\n")
    assert "userns," in ran.output
    assert "Install it?" in ran.output
    assert [path.name for path in tmp_path.iterdir()] == ["switch"]
