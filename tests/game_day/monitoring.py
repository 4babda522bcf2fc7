"""A real Prometheus with the rules of the chart as they are shipped, and the alerts that it reports."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml
from aiohttp import ClientError, ClientSession, ClientTimeout

from tests.deploy.tools import CHART, TOOLS
from tests.game_day.pods import Pod
from tests.kafka.broker import free_ports

SCRAPE_S = 15
"""The chart's `monitoring.podMonitor.interval`."""

EVALUATE_S = 30
"""The default of the Prometheus operator."""


@asynccontextmanager
async def prometheus(folder: Path, pods: Iterable[Pod], state_port: int) -> AsyncIterator[ClientSession]:
    """Run Prometheus within the context; yields a client of its API.

    Args:
        folder: for its configuration, data and log.
        pods: are scraped by their services' jobs.
        state_port: of the metrics about the pods.
    """
    _write_configuration(folder, pods, state_port)
    (port,) = free_ports(1)
    command = [
        str(TOOLS / "bin" / "prometheus"),
        f"--config.file={folder / 'prometheus.yaml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (folder / "prometheus.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log)
    try:
        async with ClientSession(f"http://127.0.0.1:{port}", timeout=ClientTimeout(20)) as session:
            yield session
    finally:
        process.terminate()
        await asyncio.wait_for(process.wait(), 60)


async def alerts(session: ClientSession) -> list[dict[str, Any]] | None:
    """Return the alerts that are pending or firing now; None if Prometheus does not answer."""
    try:
        async with session.get("/api/v1/alerts") as response:
            answer = await response.json(content_type=None)
    except (ClientError, TimeoutError, ValueError):
        return None
    return list(answer["data"]["alerts"]) if answer.get("status") == "success" else None


def _write_configuration(folder: Path, pods: Iterable[Pod], state_port: int) -> None:
    folder.mkdir(parents=True)
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(_configuration(pods, state_port)))


def _configuration(pods: Iterable[Pod], state_port: int) -> dict[str, Any]:
    jobs: dict[str, list[dict[str, Any]]] = {}
    for pod in pods:
        labels = {"namespace": "support", "pod": f"triage-{pod.name}", "container": pod.service}
        target = {"targets": [f"{pod.host}:{pod.port}"], "labels": labels}
        jobs.setdefault(f"triage-{pod.service}", []).append(target)
    state = {
        "job_name": "kube-state-metrics",
        "honor_labels": True,
        "static_configs": [{"targets": [f"127.0.0.1:{state_port}"]}],
    }
    return {
        "global": {"scrape_interval": f"{SCRAPE_S}s", "evaluation_interval": f"{EVALUATE_S}s"},
        "rule_files": [str(CHART / "files" / "rules.yaml")],
        "scrape_configs": [
            *({"job_name": name, "static_configs": targets} for name, targets in jobs.items()),
            state,
        ],
    }
