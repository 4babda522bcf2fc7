"""A node whose pods are processes of this machine: it does for one container a pod what a kubelet does."""

import json
import os
import ssl
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.cluster.control_plane import Cluster, Resource, simulated_node
from tests.kafka.broker import free_ports

PROCESSES = "triage.test/processes"
"""The label of such a node, for selectors."""

PAUSE_S = 0.5
"""Between two looks at the pods."""

HEARTBEAT_ROUNDS = 20


@dataclass
class _Run:
    """The process of a pod, the port of its probes, and whether it was ready at the last look."""

    process: "subprocess.Popen[bytes]"
    port: int
    ready: bool = False
    told: bool = False


class ProcessNode:
    """Runs the pods that the scheduler binds to it, each as a process with the container's arguments and variables.

    It starts and probes them, reports whether they are ready, tells them to end by SIGTERM, and kills them after their
    grace period. Images, volumes, limits and networks are left out: all processes share this machine's address.

    Args:
        cluster: which it joins and, at the end, leaves.
        name: of the node.
        folder: for the logs of the pods.
        command: runs the image's entry point.
    """

    def __init__(self, cluster: Cluster, name: str, folder: Path, command: tuple[str, ...] | None = None) -> None:
        self._cluster = cluster
        self._name = name
        self._folder = folder
        self._command = command or (sys.executable, "-m", "triage_worker")
        self._context = ssl.create_default_context(cafile=str(cluster.authority))
        self._runs: dict[str, _Run] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name=name)
        self.problems: list[str] = []

    def __enter__(self) -> Self:
        node = simulated_node(self._name, labels={PROCESSES: "true"})
        del node["metadata"]["annotations"]
        self._cluster.create(node)
        self._heartbeat()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        for run in self._runs.values():
            run.process.kill()
            run.process.wait()
        self._cluster.kubectl("delete", "node", self._name)

    def _work(self) -> None:
        rounds = 0
        while not self._ended.wait(PAUSE_S):
            rounds += 1
            try:
                if rounds % HEARTBEAT_ROUNDS == 0:
                    self._heartbeat()
                selector = f"fieldSelector=spec.nodeName%3D{self._name}"
                for pod in self._request("GET", f"/api/v1/pods?{selector}")["items"]:
                    self._look_after(pod)
            except (urllib.error.URLError, OSError) as error:
                self.problems.append(repr(error))

    def _look_after(self, pod: Resource) -> None:
        uid = pod["metadata"]["uid"]
        run = self._runs.get(uid)
        if pod["metadata"].get("deletionTimestamp"):
            self._end(pod, run)
        elif run is None:
            self._runs[uid] = self._start(pod)
            self._report(pod, self._runs[uid])
        else:
            ready = _is_ready(run.port)
            if ready != run.ready:
                run.ready = ready
                self._report(pod, run)

    def _start(self, pod: Resource) -> _Run:
        (container,) = pod["spec"]["containers"]
        (port,) = free_ports(1)
        name = pod["metadata"]["name"]
        given = {variable["name"]: variable["value"] for variable in container["env"]}
        own = {"TRIAGE_HTTP_HOST": "127.0.0.1", "TRIAGE_HTTP_PORT": str(port)}
        others = {key: value for key, value in os.environ.items() if not key.startswith("TRIAGE_")}
        environment: Mapping[str, str] = {**others, **given, **own}
        with (self._folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                [*self._command, *container["args"]], env=environment, cwd=self._folder, stdout=log, stderr=log
            )
        return _Run(process, port)

    def _end(self, pod: Resource, run: _Run | None) -> None:
        """Tell a process to end; when it has, or when its grace period is over, let the pod go."""
        if run is not None and run.process.poll() is None:
            if not run.told:
                run.told = True
                run.process.terminate()
            if datetime.now(UTC) < datetime.fromisoformat(pod["metadata"]["deletionTimestamp"]):
                return
            run.process.kill()
            run.process.wait()
            self.problems.append(f"{pod['metadata']['name']} did not end in its grace period")
        if run is not None and run.process.returncode != 0:
            self.problems.append(f"{pod['metadata']['name']} ended with {run.process.returncode}")
        path = f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"
        with suppress(urllib.error.HTTPError):  # it may be gone already
            self._request("DELETE", path, {"gracePeriodSeconds": 0})
        self._runs.pop(pod["metadata"]["uid"], None)

    def _report(self, pod: Resource, run: _Run) -> None:
        now, word = _now(), "True" if run.ready else "False"
        conditions = [
            {"type": kind, "status": word, "lastTransitionTime": now} for kind in ("Ready", "ContainersReady")
        ]
        started = {"type": "Initialized", "status": "True", "lastTransitionTime": now}
        (container,) = pod["spec"]["containers"]
        status = {
            "phase": "Running",
            "podIP": "127.0.0.1",
            "podIPs": [{"ip": "127.0.0.1"}],
            "startTime": now,
            "conditions": [started, *conditions],
            "containerStatuses": [
                {
                    "name": container["name"],
                    "image": container["image"],
                    "imageID": "",
                    "ready": run.ready,
                    "restartCount": 0,
                    "state": {"running": {"startedAt": now}},
                }
            ],
        }
        metadata = pod["metadata"]
        path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}/status"
        self._request("PATCH", path, {"status": status})

    def _heartbeat(self) -> None:
        now = _now()
        ready = {"type": "Ready", "status": "True", "reason": "Processes", "lastHeartbeatTime": now}
        self._request("PATCH", f"/api/v1/nodes/{self._name}/status", {"status": {"conditions": [ready]}})

    def _request(self, method: str, path: str, body: Resource | None = None) -> dict[str, Any]:
        """Ask the API server.

        Raises:
            urllib.error.HTTPError: it refused.
        """
        kind = "application/strategic-merge-patch+json" if method == "PATCH" else "application/json"
        request = urllib.request.Request(
            self._cluster.server + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self._cluster.token}", "Content-Type": kind},
        )
        with urllib.request.urlopen(request, timeout=30, context=self._context) as answer:
            read: dict[str, Any] = json.load(answer)
            return read


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=3) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
