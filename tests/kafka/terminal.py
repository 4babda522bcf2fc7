"""Runs a command at a pseudo-terminal."""

import asyncio
import os
import pty
import select
import subprocess
from collections.abc import Mapping, Sequence

from tests.kafka.harness import ROOT


class Terminal:
    """A process at a pseudo-terminal.

    Args:
        command: what to run.
        environment: of the process.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._controller, terminal = pty.openpty()
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**environment, "TERM": "dumb", "COLUMNS": "100"},
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
        )
        os.close(terminal)
        self._unread = ""

    async def wait_for(self, text: str) -> None:
        """Wait for a text after those that were waited for before."""
        async with asyncio.timeout(60):
            while text not in self._unread:
                try:
                    self._unread += await asyncio.to_thread(self._read)
                except OSError as ended:
                    raise AssertionError(f"no {text!r} in {self._unread!r}") from ended
        self._unread = self._unread.split(text, 1)[1]

    def _read(self) -> str:
        """Read new output; waits for a short time only, so that a failed test ends."""
        ready, _, _ = select.select([self._controller], [], [], 0.2)
        return os.read(self._controller, 65_536).decode(errors="replace") if ready else ""

    def press(self, key: str) -> None:
        """Send a key."""
        os.write(self._controller, key.encode())

    async def exit_code(self) -> int:
        """Wait for the end and return the exit code."""
        code = await asyncio.to_thread(self.process.wait, 30)
        os.close(self._controller)
        return code
