"""A real Prometheus scrapes real services.

Every panel of the dashboards shows data, no alert fires while all is well, and one fires when a service is gone.
"""

import json
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import yaml
from aiohttp import ClientError, ClientSession

from tests.deploy.prometheus import prometheus
from tests.deploy.tools import CHART
from tests.kafka.all_services import running_services
from tests.kafka.harness import KafkaHarness, message
from tests.kafka.processes import eventually

pytestmark = pytest.mark.kafka

SCRAPE_INTERVAL_S = 1
DOWN = 'ALERTS{alertname="TriageDown"}'
EMPTY = {
    "Accepted share: usual",  # compares with yesterday
    "Drift: intents shifted",  # compares with last week
    "Both accept, with different intents: ",  # the shadow is the same bundle here
    "Bundle reloads, messages skipped by the shadow: shadow {{reason}} messages",
    "Surges: {{event}}",
    # Of `triage serve`, `triage intake` and a connector that writes on customers' tickets, which do not run here.
    "Requests: {{job}} {{status}}",
    "Duration of a request: {{job}} p50",
    "Duration of a request: {{job}} p99",
    "Refused requests: {{job}} {{code}}",
    "Texts by key: {{key}}",
    "Messages of each source: {{source}} {{outcome}}",
    "From a webhook to Kafka: p50",
    "From a webhook to Kafka: p99",
    "Values left alone: {{field}}",
    "What agents taught: {{outcome}}",
}
"""Queries without a result in services that have been running well for some seconds."""

TEXTS = (
    "where is my parcel, it should be here by now",
    "I want my money back",
    "the lamp came in pieces",
    "ok, what does the big one cost then",
    "card works now, thanks anyway",
    "leasing possible through my employer?",
    "nice",
)
"""Texts that the model accepts, texts that it is unsure of, and one without an intent."""


@pytest.mark.timeout(240)
async def test_all_panels_have_data_and_only_a_service_that_is_gone_raises_an_alert(
    harness: KafkaHarness, tmp_path: Path
) -> None:
    empty, alerts = {"all"}, {"all"}
    async with (
        running_services(harness) as services,
        _prometheus(tmp_path, {name: endpoints.port for name, (endpoints, _) in services.items()}) as session,
    ):

        async def all_panels_have_data() -> bool:
            nonlocal empty
            await harness.produce((b"c", message(text)) for text in TEXTS)
            empty = {name for name, query in _panel_queries() if not await _query(session, query)} - EMPTY
            return not empty

        async def no_alerts() -> bool:
            nonlocal alerts
            alerts = {alert["metric"]["alertname"] for alert in await _query(session, "ALERTS")}
            return not alerts

        async def router_is_down() -> bool:
            return [alert["metric"]["job"] for alert in await _query(session, DOWN)] == ["triage-router"]

        await harness.produce([(b"c", b"not JSON")])  # one only: more dead letters raise an alert
        await harness.produce([(b"c", b'{"ts_ms":1}')])  # a heartbeat, which is skipped
        await eventually(all_panels_have_data, 90, lambda: f"without data: {sorted(empty)}")
        await eventually(no_alerts, 60, lambda: f"alerts: {sorted(alerts)}")
        services["router"][1].kill()
        await eventually(router_is_down, 30)


def _panel_queries() -> Iterator[tuple[str, str]]:
    """Return all queries of the dashboards as Grafana sends them, each with its panel's title and its legend."""
    for file in sorted((CHART / "files" / "dashboards").glob("*.json")):
        for panel in json.loads(file.read_text(encoding="utf-8"))["panels"]:
            for target in panel.get("targets", ()):
                query = target["expr"].replace("$namespace", ".*").replace("$__rate_interval", "15s")
                yield f"{panel['title']}: {target['legendFormat']}", query


async def _query(session: ClientSession, query: str) -> list[dict[str, dict[str, str]]]:
    """Return the result of a query now; nothing if Prometheus does not answer yet."""
    try:
        async with session.get("/api/v1/query", params={"query": query}) as response:
            answer = await response.json(content_type=None)
    except (ClientError, TimeoutError, ValueError):
        return []
    assert answer["status"] == "success", f"{query}: {answer.get('error')}"
    return list(answer["data"]["result"])


def _prometheus(folder: Path, ports: dict[str, int]) -> AbstractAsyncContextManager[ClientSession]:
    """Run Prometheus with the chart's rules, evaluated every second; yields a client of its API."""
    rules = yaml.safe_load((CHART / "files" / "rules.yaml").read_text(encoding="utf-8"))
    for group in rules["groups"]:
        group["interval"] = f"{SCRAPE_INTERVAL_S}s"
    (folder / "rules.yaml").write_text(yaml.safe_dump(rules))
    config = {
        "global": {"scrape_interval": f"{SCRAPE_INTERVAL_S}s"},
        "rule_files": ["rules.yaml"],
        "scrape_configs": [
            {
                "job_name": f"triage-{service}",
                "static_configs": [{"targets": [f"127.0.0.1:{port}"], "labels": {"namespace": "support"}}],
            }
            for service, port in ports.items()
        ],
    }
    return prometheus(folder, config)
