"""/livez: does the loop advance. /readyz: can it answer messages. /metrics: Prometheus, which learns what /readyz says,
too. They change nothing."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from triage_worker.config.errors import ConfigError

Problem = Callable[[], str | None]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(
    host: str, port: int, *, alive: Problem, ready: Problem, registry: CollectorRegistry
) -> AsyncIterator[None]:
    """Serve the three endpoints; nothing at all when ``port`` is 0.

    Args:
        host: address to bind; "::" is every address, those of IPv4 too.
        port: port to bind.
        alive: what is wrong with the loop; None if it advances.
        ready: what keeps messages from being answered; None if nothing does.
        registry: the metrics.

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
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        # asyncio would take "::" for IPv6 alone, and no host for whatever families this machine has.
        await web.TCPSite(runner, None if host == "::" else host, port).start()
    except OSError as error:
        await runner.cleanup()
        raise ConfigError(
            f"{host}:{port} cannot be listened on ({error.strerror}): set TRIAGE_HTTP_PORT to a free port, or to 0."
        ) from error
    try:
        yield
    finally:
        await runner.cleanup()
        registry.unregister(gauge)


def readiness(ready: Problem, registry: CollectorRegistry) -> Gauge:
    """What /readyz says, as a metric."""
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
