"""A program with all processes that it starts: CPU time, memory, and signals to all of them."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

from triage_worker.bench.process_usage import cpu_seconds, resident_mib

from tests.bench.peers.candidates import Started


class Program:
    """A running program; its output goes to a log.

    Args:
        started: what to run.
        log: the file.
    """

    def __init__(self, started: Started, log: Path) -> None:
        self.log = log
        with log.open("ab") as stream:
            self._process = subprocess.Popen(
                started.command,
                env=dict(started.environment),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                cwd=log.parent,
                start_new_session=True,
            )

    def check(self) -> None:
        """Raise RuntimeError with the end of the log if the program has ended."""
        if self._process.poll() is not None:
            raise RuntimeError(f"{self._process.args!r} ended: {self.last_lines()}")

    def last_lines(self) -> str:
        """Return the end of the log."""
        return self.log.read_text(errors="replace")[-2000:]

    def signal(self, number: int) -> None:
        """Send a signal to all processes."""
        os.killpg(self._process.pid, number)

    def kill(self) -> None:
        """End all processes at once."""
        if self._process.poll() is None:
            self.signal(signal.SIGKILL)
        self._process.wait()

    @property
    def cpu_s(self) -> float:
        """CPU time of all processes, in seconds."""
        return sum(cpu_seconds(pid) or 0.0 for pid in self._pids(self._process.pid))

    @property
    def memory_mib(self) -> float:
        """Resident memory of all processes, in MiB; pages that they share count for each."""
        return sum(resident_mib(pid) or 0.0 for pid in self._pids(self._process.pid))

    def _pids(self, pid: int) -> Iterator[int]:
        yield pid
        for thread in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in thread.read_text().split():
                yield from self._pids(int(child))
