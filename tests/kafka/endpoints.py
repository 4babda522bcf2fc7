"""A client for the HTTP endpoints of a service that a test starts."""

import re

import aiohttp

from tests.kafka.broker import free_ports


def metric(metrics: str, series: str) -> float:
    """Return the value of a series, which is named with its labels."""
    return float(re.findall(rf"^{re.escape(series)} (\S+)$", metrics, re.MULTILINE)[0])


class Endpoints:
    """The endpoints of one service; start the service with `settings`.

    Attributes:
        port: a free port.
    """

    def __init__(self) -> None:
        (self.port,) = free_ports(1)

    @property
    def settings(self) -> dict[str, str]:
        """The settings that make a service listen on the port."""
        return {"http_host": "127.0.0.1", "http_port": str(self.port)}

    async def get(self, path: str) -> tuple[int, str]:
        """Return the status and body of an endpoint; the status is 0 if nothing answers."""
        url = f"http://127.0.0.1:{self.port}{path}"
        try:
            async with aiohttp.ClientSession() as session, session.get(url) as response:
                return response.status, await response.text()
        except aiohttp.ClientConnectionError:
            return 0, ""

    async def metrics(self) -> str:
        """Return the metrics in Prometheus's format."""
        return (await self.get("/metrics"))[1]

    async def metric(self, series: str) -> float | None:
        """Return the value of a series; None if it has none yet."""
        metrics = await self.metrics()
        return metric(metrics, series) if f"\n{series} " in metrics else None

    async def ready(self) -> bool:
        """Whether /readyz answers 200."""
        return (await self.get("/readyz"))[0] == 200

    async def not_ready(self) -> bool:
        """Whether /readyz answers 503."""
        return (await self.get("/readyz"))[0] == 503

    async def alive(self) -> bool:
        """Whether /livez answers that the event loop advances."""
        return await self.get("/livez") == (200, "ok\n")
