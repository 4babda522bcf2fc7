"""Joins threads that run native code."""

from collections.abc import Iterable
from threading import Thread
from time import monotonic

LIMIT_S = 5.0
"""A thread that takes longer to end is abandoned."""


def join(threads: Iterable[Thread]) -> None:
    """Wait for threads that are ending, for `LIMIT_S` in all.

    A thread that returns from ONNX Runtime after the interpreter has shut down would abort the process.
    """
    deadline = monotonic() + LIMIT_S
    for thread in threads:
        thread.join(max(0.0, deadline - monotonic()))
