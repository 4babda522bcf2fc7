"""Handles SIGTERM and SIGINT."""

import asyncio
import logging
import os
import signal

log = logging.getLogger(__name__)

TERMINATED = 128 + signal.SIGTERM
"""The exit code of a command that was ended by SIGTERM, as in a shell."""


def stop_on_signals() -> asyncio.Event:
    """Return an event that the first SIGTERM or SIGINT sets; the second signal ends the process at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_signal(number: int) -> None:
        if stop.is_set():
            os._exit(128 + number)
        log.info("Stopping; a second signal exits at once", extra={"signal": signal.Signals(number).name})
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal, number)
    return stop


def sigterm_cancels() -> None:
    """Let SIGTERM cancel the current task, so that it can end its child processes; by default they would go on."""
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
