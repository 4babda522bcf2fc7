"""Ending threads that run native code."""

from collections.abc import Iterable
from threading import Thread
from time import monotonic

LIMIT_S = 5.0
"""What hangs for longer is left behind."""


def wait_for(threads: Iterable[Thread]) -> None:
    """Wait, but not forever, for threads that were told to end.

    One that comes back from ONNX Runtime into an interpreter that has ended would abort the process.
    """
    until = monotonic() + LIMIT_S
    for thread in threads:
        thread.join(max(0.0, until - monotonic()))
