"""Records how many replicas a Deployment wants and has, each change with its time."""

import asyncio
import subprocess
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from tests.cluster.control_plane import Cluster
from tests.cluster.programs import program

COLUMNS = "{.spec.replicas} {.status.replicas} {.status.readyReplicas}"


@dataclass(frozen=True)
class Step:
    """A change.

    Attributes:
        at: `time.monotonic` of it, in seconds.
        wanted: replicas of the Deployment's spec, which the autoscaler sets.
        created, ready: pods.
    """

    at: float
    wanted: int
    created: int
    ready: int


class ReplicaWatch:
    """Watches one Deployment within a context.

    Args:
        cluster: where it is.
        namespace: its namespace.
        name: its name.
    """

    def __init__(self, cluster: Cluster, namespace: str, name: str) -> None:
        path = f"jsonpath={COLUMNS}" + '{"\\n"}'
        options = ("--namespace", namespace, "--watch", "--output", path)
        self._command = [str(program("kubectl")), "get", "deployment", name, *options]
        self._environment = cluster.environment
        self.steps: list[Step] = []

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True, env=self._environment)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: "type[BaseException] | BaseException | TracebackType | None") -> None:
        self._process.terminate()
        self._process.wait(timeout=30)
        self._thread.join()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            # A field that is not set is empty: "2 2 " while no pod is ready.
            wanted, created, ready = (int(text or 0) for text in line.rstrip("\n").split(" "))
            self.steps.append(Step(time.monotonic(), wanted, created, ready))

    @property
    def now(self) -> Step:
        """The latest state."""
        return self.steps[-1]

    def since(self, moment: float) -> list[Step]:
        """Return the changes after a moment of `time.monotonic`."""
        return [step for step in self.steps if step.at >= moment]

    def wanted_since(self, moment: float) -> list[tuple[float, int]]:
        """Return the replicas that were wanted: seconds after the moment, and the number; only where it changed."""
        before = next((step.wanted for step in reversed(self.steps) if step.at < moment), None)
        changes = []
        for step in self.since(moment):
            if step.wanted != before:
                changes.append((step.at - moment, step.wanted))
                before = step.wanted
        return changes

    async def reached(self, wanted: int, timeout_s: float, *, ready: bool = False) -> float:
        """Wait until a number of replicas is wanted, or ready; returns the moment.

        Raises:
            AssertionError: it was not in time.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            step = self.now if self.steps else Step(0, -1, -1, -1)
            if step.wanted == wanted and (not ready or step.ready == wanted):
                return step.at
            if time.monotonic() > deadline:
                raise AssertionError(f"not {wanted} replicas within {timeout_s} s: {self.steps[-8:]}")
            await asyncio.sleep(0.05)
