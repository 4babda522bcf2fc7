"""Ends the process of a stopped service, at the latest when its time is up.

Closing can wait for what does not answer: a broker, a thread that opens a bundle, a collector of spans. Nothing is lost
without it. By then, what is answered is committed; what is not is read again by the next process, and an open
transaction is aborted by the next owner of its partition, or by the broker.
"""

import asyncio
import logging
import os
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Any

log = logging.getLogger(__name__)

LIMIT_S = 4.0
"""A stopped process ends so long after the signal, unless messages in flight are being finished until later."""

CLOSE_S = 2.2
"""It ends so long after its last message was finished, if that is later."""

CLOSE_SOON_S = 1.0
"""The same where a broker takes nothing any more: closing waits for it in vain, and leaving a group of another broker
takes milliseconds."""

LOG_S = 0.2
"""How long the last line of the log may take: whoever reads it may hang, too."""


class ProcessEnd:
    """The time until this process ends. Does nothing unless it is `enabled`: a process may be a test's.

    Args:
        limit_s: the time from the signal to the end, in seconds.
        close_s: the time from the last message to the end, in seconds.
        close_soon_s: the same where a broker takes nothing any more.
        leave: ends the process with an exit code.
    """

    def __init__(
        self,
        limit_s: float = LIMIT_S,
        close_s: float = CLOSE_S,
        close_soon_s: float = CLOSE_SOON_S,
        leave: Callable[[int], object] = os._exit,
    ) -> None:
        self._limit_s = limit_s
        self._close_s = close_s
        self._close_soon_s = close_soon_s
        self._leave = leave
        self._enabled = False
        self._stopped_at: float | None = None
        self._deadline = 0.0
        self._changed = threading.Condition()
        self.code = 0

    @contextmanager
    def enabled(self) -> Iterator[None]:
        """Let a process that is stopped within the context be ended, also after it."""
        self._enabled = True
        try:
            yield
        finally:
            self._enabled = False

    def stopped(self) -> None:
        """Start the time: the process was told to stop."""
        if not self._enabled or self._stopped_at is not None:
            return
        self._stopped_at = monotonic()
        self._deadline = self._stopped_at + self._limit_s
        # A thread, since the event loop may be what hangs; a daemon, since it must not keep the process from ending.
        threading.Thread(target=self._wait, name="process-end", daemon=True).start()

    def finishing(self, limit_s: float) -> None:
        """Allow more time: messages in flight are being finished, which takes up to a limit in seconds."""
        self._end_at(monotonic() + limit_s + self._close_s)

    def closing(self, *, soon: bool = False) -> None:
        """Take back what is left of that time: no message will be finished any more.

        Args:
            soon: whether a broker takes nothing any more, so that closing would wait for it in vain.
        """
        if self._stopped_at is not None:
            close_s = self._close_soon_s if soon else self._close_s
            self._end_at(max(self._stopped_at + self._limit_s, monotonic() + close_s))

    def leave_if_stopped(self) -> None:
        """End a process that was stopped, now that all is closed, without the interpreter's own end.

        That waits for threads, and the thread here no longer runs in it.
        """
        if self._stopped_at is not None:
            logging.shutdown()
            with suppress(OSError, ValueError):  # nobody reads it, or it is closed
                sys.stdout.flush()
            self._leave(self.code)

    def _end_at(self, deadline: float) -> None:
        with self._changed:
            self._deadline = deadline
            self._changed.notify()

    def _wait(self) -> None:
        with self._changed:
            while (left_s := self._deadline - monotonic()) > 0:
                self._changed.wait(left_s)
        logging_ = threading.Thread(target=log.warning, args=("Not everything could be closed: exiting",), daemon=True)
        logging_.start()
        logging_.join(LOG_S)
        self._leave(self.code)


this_process = ProcessEnd()
"""The end of the process that runs a service."""


def run(service: Coroutine[Any, Any, int]) -> int:
    """Run a service in a process that is its own, and return its exit code.

    The process ends soon after it was stopped, also where a thread, a connection or the event loop hangs.
    """
    with this_process.enabled():
        this_process.code = asyncio.run(service)
    this_process.leave_if_stopped()
    return this_process.code
