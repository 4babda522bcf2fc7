"""Runs services as Kubernetes runs pods: one that exits is started again, later each time; a stuck one is killed."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import ClientError, ClientSession, ClientTimeout, web
from aiohttp.test_utils import TestServer

from tests.kafka.broker import free_ports
from tests.kafka.processes import ServiceProcess, eventually

BACK_OFF_S = (0.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0)
"""How long a kubelet waits before it starts a container that has exited once, twice, and so on."""

RESET_S = 600.0
"""A container that has run for so long counts as one that has not exited before."""

PROBE_S, PROBE_TIMEOUT_S, PROBE_FAILURES = 10.0, 5.0, 6
"""The liveness probe of the chart."""

STARTS_WITHIN_S = 300.0
"""How long a start may take; the chart gives it 60 s, but here all pods and brokers share a few cores."""

READY_WITHIN_S = 600.0

LOCAL = "127.0.0.1"
"""Only pods here are probed: the kubelet of another zone is in that zone, and reaches them when nothing here does."""

CHECK_S = 0.5
LAST_LINES = 12


@dataclass
class Pod:
    """One service and what restarts it.

    Attributes:
        name: as in `kubectl get pods`.
        service: such as "worker".
        settings: of the service.
        host: the address that it listens on.
        port: of its probes and metrics.
        process: the present or the last one.
        previous: the one before.
        exits: how often it has exited by itself since it last ran for `RESET_S`.
        exit_codes: all of them.
        alive: whether it has answered a liveness probe since it was started.
        starts_at: when it is started again, by the monotonic clock; None while it runs or is lost.
        lost: it is not started again, since its node is gone.
    """

    name: str
    service: str
    settings: dict[str, str]
    host: str = LOCAL
    port: int = field(default_factory=lambda: free_ports(1)[0])
    process: ServiceProcess | None = None
    previous: ServiceProcess | None = None
    exits: int = 0
    exit_codes: list[int] = field(default_factory=list)
    started_at: float = 0.0
    starts_at: float | None = None
    failed_probes: int = 0
    alive: bool = False
    lost: bool = False

    @property
    def running(self) -> bool:
        """Whether it has a process."""
        return self.process is not None and self.process.process.poll() is None

    async def get(self, path: str) -> tuple[int, str]:
        """Return status and body of a probe; the status is 0 if nothing answers within `PROBE_TIMEOUT_S`."""
        try:
            async with (
                ClientSession(timeout=ClientTimeout(PROBE_TIMEOUT_S)) as session,
                session.get(f"http://{self.host}:{self.port}{path}") as response,
            ):
                return response.status, await response.text()
        except (ClientError, TimeoutError, OSError):
            return 0, ""

    def last_words(self) -> str:
        """The last line of the process that has ended, as ``kubectl logs --previous --tail=1`` shows it."""
        ended = self.previous if self.running else self.process
        lines = ended.log_text().splitlines() if ended is not None else []
        return lines[-1] if lines else ""

    def last_log(self, lines: int = LAST_LINES) -> str:
        """The last lines of its log."""
        return "" if self.process is None else "\n".join(self.process.log_text().splitlines()[-lines:])


class Pods:
    """All pods of an installation.

    Args:
        start: starts the process of a pod.
    """

    def __init__(self, start: Callable[[Pod], ServiceProcess]) -> None:
        self._start = start
        self.all: list[Pod] = []

    def add(self, name: str, service: str, host: str = LOCAL, **settings: str) -> Pod:
        """Start a pod."""
        pod = Pod(name, service, settings, host)
        self.all.append(pod)
        self._begin(pod)
        return pod

    def of(self, service: str) -> list[Pod]:
        """The pods of a service."""
        return [pod for pod in self.all if pod.service == service]

    async def run(self) -> None:
        """Watch the pods until cancelled."""
        probed_at = time.monotonic()
        while True:
            await asyncio.sleep(CHECK_S)
            now = time.monotonic()
            for pod in self.all:
                self._watch(pod, now)
            if now - probed_at > PROBE_S:
                probed_at = now
                await asyncio.gather(*(self._probe(pod) for pod in self.all if pod.running and pod.host == LOCAL))

    def lose(self, pod: Pod) -> None:
        """End a pod as a node that fails does: at once, and nobody starts it again."""
        pod.lost = True
        if pod.process is not None:
            pod.process.kill()

    async def roll(self, service: str, **settings: str) -> None:
        """Do what ``kubectl rollout restart`` does: stop each pod of a service, and start it with changed settings."""
        for pod in self.of(service):
            pod.lost = True  # so that it is not started again meanwhile
            if pod.running and pod.process is not None:
                await pod.process.terminate()
            pod.settings |= settings
            self.recreate(pod)
            await self.until_ready([pod])

    def recreate(self, pod: Pod) -> None:
        """Start a new pod in the place of one that is gone, or that waits to be started again."""
        pod.lost, pod.exits = False, 0
        self._begin(pod)

    async def until_ready(self, pods: list[Pod] | None = None, timeout_s: float = READY_WITHIN_S) -> None:
        """Wait until pods are ready."""
        for pod in self.all if pods is None else pods:
            await eventually(lambda pod=pod: _ready(pod), timeout_s, pod.last_log)  # type: ignore[misc]

    def list(self) -> str:
        """What ``kubectl get pods`` shows, as lines."""
        return "\n".join(f"{pod.name} {_status(pod)} exits {pod.exit_codes or 'none'}" for pod in self.all)

    def metrics(self) -> str:
        """The metric of kube-state-metrics that an alert reads."""
        return "".join(
            f'kube_pod_container_status_waiting_reason{{namespace="support",pod="triage-{pod.name}",'
            f'container="{pod.service}",reason="CrashLoopBackOff"}} 1\n'
            for pod in self.all
            if pod.starts_at is not None
        )

    def _begin(self, pod: Pod) -> None:
        pod.previous, pod.process, pod.starts_at = pod.process, self._start(pod), None
        pod.started_at, pod.alive, pod.failed_probes = time.monotonic(), False, 0

    def _watch(self, pod: Pod, now: float) -> None:
        if pod.lost or pod.running or pod.process is None:
            return
        if pod.starts_at is None:
            pod.exit_codes.append(pod.process.process.returncode)
            pod.exits = 1 if now - pod.started_at > RESET_S else pod.exits + 1
            pod.starts_at = now + back_off_s(pod.exits)
        if now >= pod.starts_at:
            self._begin(pod)

    async def _probe(self, pod: Pod) -> None:
        status, _ = await pod.get("/livez")
        pod.alive = pod.alive or status == 200
        starting = not pod.alive and time.monotonic() - pod.started_at < STARTS_WITHIN_S
        pod.failed_probes = 0 if status == 200 or starting else pod.failed_probes + 1
        if pod.failed_probes >= PROBE_FAILURES and pod.running and pod.process is not None:
            pod.process.signal(15)


def back_off_s(exits: int) -> float:
    """Return how long a container that has exited so often waits, in seconds."""
    return BACK_OFF_S[min(exits, len(BACK_OFF_S)) - 1]


async def _ready(pod: Pod) -> bool:
    return (await pod.get("/readyz"))[0] == 200


def _status(pod: Pod) -> str:
    if pod.lost:
        return "Unknown (node lost)"
    if pod.starts_at is not None:
        return "CrashLoopBackOff"
    return "Running" if pod.running else "Terminated"


class MetricsServer:
    """Serves the metrics of the pods, as kube-state-metrics does; as a context manager it runs.

    Args:
        text: returns the metrics.
    """

    def __init__(self, text: Callable[[], str]) -> None:
        async def answer(_: web.Request) -> web.Response:
            return web.Response(text=text())

        app = web.Application()
        app.router.add_get("/metrics", answer)
        self._server = TestServer(app)

    async def __aenter__(self) -> int:
        await self._server.start_server()
        assert self._server.port is not None
        return self._server.port

    async def __aexit__(self, *_: object) -> None:
        await self._server.close()
