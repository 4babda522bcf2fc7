"""Writes a file as a whole or not at all."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replaced_when_done(path: Path) -> Iterator[Path]:
    """Yield the path of a new file in the same folder; it replaces ``path`` when the block ends without an error.

    After an error, Ctrl-C or SIGTERM the new file is removed, and what was at ``path`` is still there.

    Raises:
        OSError: the folder cannot be written to.
    """
    target = path.resolve()
    scratch = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        with _sigterm_as_ctrl_c():
            scratch.touch()
            yield scratch
            with scratch.open("rb") as file:
                os.fsync(file.fileno())
            scratch.replace(target)
    finally:
        scratch.unlink(missing_ok=True)


@contextmanager
def _sigterm_as_ctrl_c() -> Iterator[None]:
    """Within the context, SIGTERM raises KeyboardInterrupt, so that the program can clean up."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
