"""Processes that tests start, and a wait for conditions outside this process."""

import asyncio
import subprocess
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass
class ServiceProcess:
    """A running service and the file of its log."""

    process: "subprocess.Popen[bytes]"
    log: Path

    def signal(self, number: int) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """Send SIGKILL and wait for the end."""
        self.process.kill()
        self.process.wait(timeout=30)

    async def terminate(self) -> int:
        """Send SIGTERM and return the exit code."""
        self.process.terminate()
        return await self.exit_code()

    async def exit_code(self, timeout_s: float = 60) -> int:
        """Wait for the end and return the exit code."""
        return await asyncio.to_thread(self.process.wait, timeout_s)

    def log_text(self) -> str:
        """The whole log so far."""
        return self.log.read_text(errors="replace")

    async def wait_for_log(self, text: str, timeout_s: float = 30) -> None:
        """Wait until the log contains a text."""

        async def found() -> bool:
            return text in self.log_text()

        await eventually(found, timeout_s, self.log_text)


async def eventually(
    condition: Callable[[], Awaitable[bool]], timeout_s: float, explain: Callable[[], str] = lambda: ""
) -> None:
    """Wait until a condition holds.

    Args:
        condition: checked every 50 ms.
        timeout_s: the longest wait, in seconds.
        explain: describes the state, for the error.

    Raises:
        AssertionError: it did not hold in time.
    """
    deadline = time.monotonic() + timeout_s
    while not await condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"the condition did not hold within {timeout_s} s\n{explain()}")
        await asyncio.sleep(0.05)
