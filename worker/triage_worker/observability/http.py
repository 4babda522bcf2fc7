"""Serves the probes /livez and /readyz, and the Prometheus metrics at /metrics. All are read-only."""

import errno
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from triage_worker.config.errors import ConfigError

Problem = Callable[[], str | None]
CLOSE_S = 1.0
"""How long an answer that is being sent may take when the service ends; aiohttp's default is a minute."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(
    host: str, port: int, *, alive: Problem, ready: Problem, registry: CollectorRegistry
) -> AsyncIterator[None]:
    """Serve the three endpoints while the context is open; serve nothing if the port is 0.

    Args:
        host: address to bind; "::" is every address, IPv4 included.
        port: to bind.
        alive: returns what is wrong with the event loop; None if it advances.
        ready: returns why messages cannot be answered; None if they can.
        registry: the metrics; a gauge with the answer of /readyz is added.

    Raises:
        ConfigError: the port cannot be bound.
    """
    if port == 0:
        yield
        return
    gauge = readiness(ready, registry)
    app = web.Application()
    app.router.add_get("/livez", _probe(alive))
    app.router.add_get("/readyz", _probe(ready))
    app.router.add_get("/metrics", _metrics(registry))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=CLOSE_S)
    await runner.setup()
    try:
        # asyncio binds "::" for IPv6 only, and binds all families of this machine if there is no host.
        await web.TCPSite(runner, None if host == "::" else host, port).start()
    except OSError as error:
        await runner.cleanup()
        raise ConfigError(f"{host}:{port} cannot be listened on ({error.strerror}): {_advice(error)}.") from error
    try:
        yield
    finally:
        await runner.cleanup()
        registry.unregister(gauge)


def _advice(error: OSError) -> str:
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return "set TRIAGE_HTTP_HOST to an address of this machine, or to 0.0.0.0 for all"
    if error.errno == errno.EACCES:
        return "set TRIAGE_HTTP_PORT to a port above 1023, or to 0"
    return "set TRIAGE_HTTP_PORT to a free port, or to 0"


def readiness(ready: Problem, registry: CollectorRegistry) -> Gauge:
    """Export the answer of /readyz as a metric."""
    gauge = Gauge("triage_ready", "1 while /readyz says that nothing keeps it from its work.", registry=registry)
    gauge.set_function(lambda: float(ready() is None))
    return gauge


def _probe(problem: Problem) -> Handler:
    async def handle(_: web.Request) -> web.Response:
        found = problem()
        return web.Response(text=f"{found or 'ok'}\n", status=503 if found else 200)

    return handle


def _metrics(registry: CollectorRegistry) -> Handler:
    async def handle(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return handle
