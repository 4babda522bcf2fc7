"""Runs the worker, the router, the fallback and the helpdesk connector, with fakes of the systems that they call."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from triage_models import DEFAULT_BUNDLE

from tests.kafka import admin
from tests.kafka.endpoints import Endpoints
from tests.kafka.harness import KafkaHarness
from tests.kafka.processes import ServiceProcess
from tests.worker.fallback.llm_server import LlmServer, always, answer
from tests.worker.helpdesk.fakes import TOKEN, USER, FakeZendesk

SERVICES = ("worker", "router", "fallback", "helpdesk")


class AllServices:
    """Starts any of the services, each in a group of its own.

    Args:
        harness: the topics; the services need more, see `create_topics`.
        helpdesk_url: of a fake Zendesk.
        llm_url: of a fake LLM server.
    """

    def __init__(self, harness: KafkaHarness, helpdesk_url: str, llm_url: str) -> None:
        self._harness = harness
        self._topics = {
            f"{name}_topic": f"{name}-{harness.group}" for name in ("tickets", "alerts", "review", "labels")
        }
        self._settings: dict[str, dict[str, str]] = {
            "worker": {},
            "router": {},
            "fallback": {"llm_url": llm_url, "llm_model": "small"},
            "audit": {"module": "triage_worker audit --follow"},
            "console": {},
            "helpdesk": {
                "helpdesk": "zendesk",
                "helpdesk_url": helpdesk_url,
                "helpdesk_user": USER,
                "helpdesk_token": TOKEN,
            },
        }

    @property
    def topics(self) -> dict[str, str]:
        """The names of the topics beyond those of the harness, by their settings."""
        return dict(self._topics)

    async def create_topics(self, partitions: int = 2, replicas: int = 1) -> None:
        """Create all topics."""
        await self._harness.create_topics(partitions, replicas)
        await admin.create_topics(self._harness.bootstrap, self._topics.values(), partitions, replicas)

    def start(self, service: str, **settings: str) -> ServiceProcess:
        """Start a service."""
        defaults = {"module": f"triage_worker {service}", "group_id": f"{service}-{self._harness.group}"}
        return self._harness.start(**defaults | self._topics | self._settings[service] | settings)


@asynccontextmanager
async def all_services(harness: KafkaHarness) -> AsyncIterator[AllServices]:
    """Make the services startable: their fakes run within the context, and the services end with it."""
    async with LlmServer(always(lambda: answer("WISMO"))) as llm, FakeZendesk().running() as helpdesk_url:
        try:
            yield AllServices(harness, helpdesk_url, llm.url)
        finally:
            await asyncio.to_thread(harness.stop)


@asynccontextmanager
async def running_services(harness: KafkaHarness) -> AsyncIterator[dict[str, tuple[Endpoints, ServiceProcess]]]:
    """Create the topics and run all services within the context."""
    settings = {
        "worker": {"delivery": "exactly_once", "shadow_bundle": str(DEFAULT_BUNDLE), "audit_share": "0.01"},
        "fallback": {"llm_price_input": "0.15", "llm_price_output": "0.6"},
    }
    async with all_services(harness) as services:
        await services.create_topics()
        running = {}
        for service in (*SERVICES, "audit"):
            endpoints = Endpoints()
            running[service] = endpoints, services.start(service, **settings.get(service, {}), **endpoints.settings)
        yield running
