"""Handles SIGTERM and SIGINT."""

import asyncio
import logging
import os
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

from triage_worker.streaming.process_end import this_process

log = logging.getLogger(__name__)

T = TypeVar("T")

TERMINATED = 128 + signal.SIGTERM
"""The exit code of a command that was ended by SIGTERM, as in a shell."""


def stop_on_signals() -> asyncio.Event:
    """Return an event that the first SIGTERM or SIGINT sets; the second signal ends the process at once.

    From the first one on, the time of `process_end` runs.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_signal(number: int) -> None:
        if stop.is_set():
            os._exit(128 + number)
        log.info("Stopping; a second signal exits at once", extra={"signal": signal.Signals(number).name})
        this_process.stopped()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal, number)
    return stop


class StoppedError(Exception):
    """The service was stopped before a step ended."""


CANCEL_AGAIN_S = 2.0
"""After so long, a step that goes on is cancelled again; what it closes may take a moment."""


async def unless_stopped(stop: asyncio.Event, step: Coroutine[Any, Any, T]) -> T:
    """Await a step, such as waiting for a broker, unless the service is stopped first.

    Args:
        stop: as `stop_on_signals` returns it.
        step: is cancelled when the service is stopped.

    Raises:
        StoppedError: the service was stopped first.
    """
    running, stopping = asyncio.ensure_future(step), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait([running, stopping], return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            raise StoppedError
        return running.result()
    finally:
        stopping.cancel()
        while not running.done():
            # aiokafka swallows a cancellation that comes while it closes a client, and the step goes on.
            running.cancel()
            await asyncio.wait([running], timeout=CANCEL_AGAIN_S)
        if not running.cancelled():
            running.exception()  # retrieved, or asyncio would log it


def sigterm_cancels() -> None:
    """Let SIGTERM cancel the current task, so that it can end its child processes; by default they would go on."""
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
