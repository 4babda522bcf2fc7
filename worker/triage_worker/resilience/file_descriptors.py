"""Raises the limit of open files, and counts how many more may be opened."""

import resource
from contextlib import suppress
from pathlib import Path

OPEN_FILES = Path("/proc/self/fd")


def raise_limit() -> None:
    """Raise this process's soft limit of open files to its hard limit, where the system allows it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # macOS has no unlimited number of files, whatever its hard limit is
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def limit() -> int | None:
    """The number of files that this process may have open; None if there is no limit."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft


def available() -> int | None:
    """How many more files this process may open; None if that is unknown or unlimited."""
    most = limit()
    if most is None or not OPEN_FILES.is_dir():
        return None
    return most - sum(1 for _ in OPEN_FILES.iterdir())
