"""Processes that tests start, and waiting for what they do."""

import asyncio
import subprocess
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Worker:
    """A worker process and where its log goes."""

    process: "subprocess.Popen[bytes]"
    log: Path

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(timeout=30)

    async def terminate(self) -> int:
        """SIGTERM, and the exit code."""
        self.process.terminate()
        return await self.exit_code()

    async def exit_code(self, timeout_s: float = 60) -> int:
        return await asyncio.to_thread(self.process.wait, timeout_s)

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    async def has_said(self, words: str, timeout_s: float = 30) -> None:
        """Wait for words in the log."""

        async def found() -> bool:
            return words in self.said()

        await eventually(found, timeout_s, self.said)


async def eventually(
    condition: Callable[[], Awaitable[bool]], timeout_s: float, explain: Callable[[], str] = lambda: ""
) -> None:
    """Wait for a condition of another process; fails with an explanation when it does not come true."""
    deadline = time.monotonic() + timeout_s
    while not await condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s} s\n{explain()}")
        await asyncio.sleep(0.05)
