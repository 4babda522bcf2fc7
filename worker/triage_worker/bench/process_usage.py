"""Reads the CPU time and the memory of a process from /proc, and stops processes for a while."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def stopped(*pids: int) -> Iterator[None]:
    """Stop processes as long as the context is open."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
