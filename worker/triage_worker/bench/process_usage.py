"""Reads the CPU time and the memory of a process from /proc."""

import os
from pathlib import Path

MIB = 1024 * 1024


def cpu_seconds(pid: int) -> float | None:
    """CPU time that a process has used, in seconds: all threads, system time included; None if /proc has none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mib(pid: int) -> float | None:
    """Resident memory of a process, in MiB; None if /proc has none."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") / MIB
