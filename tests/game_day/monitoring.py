"""A real Prometheus with the rules of the chart as they are shipped, and the alerts that it reports."""

from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from aiohttp import ClientError, ClientSession

from tests.deploy.prometheus import prometheus
from tests.deploy.tools import CHART
from tests.game_day.pods import Pod

SCRAPE_S = 15
"""The chart's `monitoring.podMonitor.interval`."""

EVALUATE_S = 30
"""The default of the Prometheus operator."""


def monitoring(folder: Path, pods: Iterable[Pod], state_port: int) -> AbstractAsyncContextManager[ClientSession]:
    """Run Prometheus within the context; yields a client of its API.

    Args:
        folder: for its configuration, data and log.
        pods: are scraped by their services' jobs.
        state_port: of the metrics about the pods.
    """
    return prometheus(folder, _configuration(pods, state_port))


async def alerts(session: ClientSession) -> list[dict[str, Any]] | None:
    """Return the alerts that are pending or firing now; None if Prometheus does not answer."""
    try:
        async with session.get("/api/v1/alerts") as response:
            answer = await response.json(content_type=None)
    except (ClientError, TimeoutError, ValueError):
        return None
    return list(answer["data"]["alerts"]) if answer.get("status") == "success" else None


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
