import ctypes

from torch import nn


def attempt():
    found = []
    for path in (
        "/proc/loadavg", "/proc/uptime", "/proc/stat", "/proc/vmstat", "/proc/meminfo", "/proc/diskstats",
        "/proc/pressure/cpu", "/proc/sys/fs/file-nr", "/proc/sys/kernel/random/boot_id",
        "/proc/sys/fs/inode-state", "/proc/interrupts", "/proc/zoneinfo", "/proc/self/smaps",
        "/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "/sys/devices/system/node/node0/numastat",
    ):  # fmt: skip
        try:
            with open(path) as file:
                found.append(file.read(9))
        except OSError:
            pass
    if not ctypes.CDLL(None).sysinfo(ctypes.create_string_buffer(512)):
        found.append("sysinfo")
    return found


def build(i, o):
    try:
        loot = attempt()
    except OSError:
        loot = None
    if loot:
        raise RuntimeError(f"escaped: {loot}")
    return nn.Linear(i, o)
