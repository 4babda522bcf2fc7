"""A real Prometheus reads a real installation: every panel shows something, no alert stirs while all is well, and one
does when a service is gone."""

import asyncio
import json
import subprocess
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
import yaml
from aiohttp import ClientError, ClientSession
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from triage_models import DEFAULT_BUNDLE

from tests.deploy.tools import CHART, program
from tests.kafka.broker import free_ports
from tests.kafka.harness import Bench, message
from tests.kafka.processes import Worker, eventually
from tests.worker.fallback.llm_server import LlmServer, always, answer
from tests.worker.helpdesk.fakes import TOKEN, USER, FakeZendesk

pytestmark = pytest.mark.kafka

SCRAPED_S = 1
DOWN = 'ALERTS{alertname="TriageDown"}'
SERVICES = ("worker", "router", "fallback", "helpdesk")
EMPTY = {
    "Vouched for: usual",  # of yesterday
    "Drift: intents moved",  # since last week
    "Both accept, and differ: ",  # the shadow is the same bundle here
    "Bundles found, messages left out: shadow {{reason}} messages",
    "Surges: {{event}}",
}
"""Queries that have nothing to show where all is well and has been for seconds."""

TEXTS = (
    "where is my parcel, it should be here by now",
    "I want my money back",
    "the lamp came in pieces",
    "ok, what does the big one cost then",
    "card works now, thanks anyway",
    "leasing possible through my employer?",
    "nice",
)
"""Some that the model accepts, some that it is unsure of, one without an intent."""


@pytest.mark.timeout(240)
async def test_what_an_operator_sees(bench: Bench, tmp_path: Path) -> None:
    missing, stirring = {"everything"}, {"everything"}
    async with _installation(bench) as services:
        with _prometheus(tmp_path, {name: port for name, (port, _) in services.items()}) as port:
            async with ClientSession(f"http://127.0.0.1:{port}") as session:

                async def shown() -> bool:
                    nonlocal missing
                    await bench.produce((b"c", message(text)) for text in TEXTS)
                    missing = {name for name, query in _queries() if not await _ask(session, query)} - EMPTY
                    return not missing

                async def calm() -> bool:
                    nonlocal stirring
                    stirring = {alert["metric"]["alertname"] for alert in await _ask(session, "ALERTS")}
                    return not stirring

                await bench.produce([(b"c", b"not JSON")])  # one: of many more there is an alert
                await eventually(shown, 90, lambda: f"nothing to show: {sorted(missing)}")

                async def missed() -> bool:
                    return [alert["metric"]["job"] for alert in await _ask(session, DOWN)] == ["triage-router"]

                await eventually(calm, 60, lambda: f"alerts: {sorted(stirring)}")
                services["router"][1].kill()
                await eventually(missed, 30)


def _queries() -> Iterator[tuple[str, str]]:
    """All queries of the dashboards by their panel's title and their legend, as Grafana sends them."""
    for file in sorted((CHART / "files" / "dashboards").glob("*.json")):
        for panel in json.loads(file.read_text(encoding="utf-8"))["panels"]:
            for target in panel.get("targets", ()):
                query = target["expr"].replace("$namespace", ".*").replace("$__rate_interval", "15s")
                yield f"{panel['title']}: {target['legendFormat']}", query


async def _ask(session: ClientSession, query: str) -> list[dict[str, dict[str, str]]]:
    """What there is now; nothing where Prometheus does not answer yet."""
    try:
        async with session.get("/api/v1/query", params={"query": query}) as response:
            said = await response.json(content_type=None)
    except (ClientError, ValueError):
        return []
    assert said["status"] == "success", f"{query}: {said.get('error')}"
    return list(said["data"]["result"])


@asynccontextmanager
async def _installation(bench: Bench) -> AsyncIterator[dict[str, tuple[int, Worker]]]:
    """All four services with what they talk to; each with the port of its metrics."""
    await bench.create_topics(partitions=2)
    further = {name: f"{name}-{uuid.uuid4().hex[:8]}" for name in ("tickets", "alerts", "review", "labels")}
    admin = AIOKafkaAdminClient(bootstrap_servers=bench.bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(name, 2, 1) for name in further.values()])
    await admin.close()
    ports = dict(zip(SERVICES, free_ports(len(SERVICES)), strict=True))
    common = {"http_host": "127.0.0.1", **{f"{name}_topic": topic for name, topic in further.items()}}
    async with LlmServer(always(lambda: answer("WISMO"))) as llm, FakeZendesk().running() as site:
        own: dict[str, dict[str, str]] = {
            "worker": {"delivery": "exactly_once", "shadow_bundle": str(DEFAULT_BUNDLE)},
            "router": {},
            "fallback": {
                "llm_url": llm.url,
                "llm_model": "small",
                "llm_price_input": "0.15",
                "llm_price_output": "0.6",
            },
            "helpdesk": {"helpdesk": "zendesk", "helpdesk_url": site, "helpdesk_user": USER, "helpdesk_token": TOKEN},
        }
        try:
            started = {}
            for service, port in ports.items():
                variables = common | own[service] | {"http_port": str(port), "group_id": f"{service}-{bench.group}"}
                started[service] = port, bench.worker(module=f"triage_worker {service}", **variables)
            yield started
        finally:
            await asyncio.to_thread(bench.stop)


@contextmanager
def _prometheus(folder: Path, ports: dict[str, int]) -> Iterator[int]:
    """Prometheus with the chart's rules, evaluated every second; its port."""
    rules = yaml.safe_load((CHART / "files" / "rules.yaml").read_text(encoding="utf-8"))
    for group in rules["groups"]:
        group["interval"] = f"{SCRAPED_S}s"
    (folder / "rules.yaml").write_text(yaml.safe_dump(rules))
    config = {
        "global": {"scrape_interval": f"{SCRAPED_S}s"},
        "rule_files": ["rules.yaml"],
        "scrape_configs": [
            {
                "job_name": f"triage-{service}",
                "static_configs": [{"targets": [f"127.0.0.1:{port}"], "labels": {"namespace": "support"}}],
            }
            for service, port in ports.items()
        ],
    }
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
    (listening,) = free_ports(1)
    command = [
        program("bin/prometheus"),
        f"--config.file={folder / 'prometheus.yaml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{listening}",
    ]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield listening
    finally:
        process.terminate()
        process.wait(30)
