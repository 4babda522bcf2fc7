"""The programs of the cluster, which deploy/cluster/install builds, and the processes that they run as."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "triage-cluster"
"""Where deploy/cluster/install puts what it builds."""

MARKS = [
    pytest.mark.cluster,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        not os.environ.get("TRIAGE_TEST_CLUSTER"), reason="TRIAGE_TEST_CLUSTER is not set: `make cluster-test` sets it"
    ),
]

STOP_S = 20.0


def program(name: str) -> Path:
    """Return the path of a program.

    Raises:
        FileNotFoundError: it was not built.
    """
    path = CACHE / "bin" / name
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: run deploy/cluster/install, or `make cluster-test`, which does")
    return path


@dataclass(frozen=True)
class Daemon:
    """A process that runs until it is stopped.

    Attributes:
        name: for messages.
        process: what runs.
        log: everything that it writes.
    """

    name: str
    process: "subprocess.Popen[bytes]"
    log: Path

    @classmethod
    def start(
        cls, name: str, folder: Path, *arguments: str | Path, environment: Mapping[str, str] | None = None
    ) -> "Daemon":
        """Start a program of the cluster.

        Args:
            name: of the program, or a path of one.
            folder: for its log, and its working directory.
            arguments: for the program.
            environment: variables in addition to those of this process.

        Raises:
            FileNotFoundError: the program was not built.
        """
        path = Path(name) if "/" in name else program(name)
        log = folder / f"{path.name}.log"
        command = [str(path), *map(str, arguments)]
        with log.open("wb") as file:
            process = subprocess.Popen(
                command, stdout=file, stderr=file, cwd=folder, env=os.environ | dict(environment or {})
            )
        return cls(path.name, process, log)

    def tail(self, characters: int = 2000) -> str:
        """Return the end of the log."""
        return self.log.read_text(errors="replace")[-characters:]

    def stop(self) -> None:
        """End it, by force if it does not end by itself within 20 seconds."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(STOP_S)


def until(
    condition: Callable[[], bool], timeout_s: float, explain: Callable[[], str] = lambda: "", pause_s: float = 0.2
) -> None:
    """Wait until a condition holds.

    Args:
        condition: what is asked again and again.
        timeout_s: the longest wait, in seconds.
        explain: describes the state, for the error.
        pause_s: between two checks, in seconds.

    Raises:
        AssertionError: it did not hold in time.
    """
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"the condition did not hold within {timeout_s} s\n{explain()}")
        time.sleep(pause_s)
