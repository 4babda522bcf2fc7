"""The topic of the shared budget on a broker that hangs."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from triage_worker.config.settings import Settings
from triage_worker.fallback import budget_topic
from triage_worker.fallback.budget import BudgetWindow
from triage_worker.streaming.signals import StoppedError, unless_stopped

from tests.worker.kafka.client_compat.scripted_broker import NODE, ScriptedBroker, never, scripted_broker

STOP_LIMIT_S = 5


def spending_topic(_: Any) -> tuple[Any, ...]:
    """The metadata of a cluster that has the budget's topic."""
    return 0, "cluster", NODE, [(0, "team-spending", False, [(0, 0, NODE, [NODE], [NODE], [])])]


@pytest.fixture
async def broker(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ScriptedBroker]:
    async def exists_already(*_: Any, **__: Any) -> None: ...

    monkeypatch.setattr("triage_worker.kafka.topics.create_internal", exists_already)
    async with scripted_broker(MetadataRequest=spending_topic) as running:
        yield running


@pytest.mark.parametrize("request_name", ["InitProducerIdRequest", "ProduceRequest", "OffsetRequest", "FetchRequest"])
async def test_a_service_stops_while_it_opens_the_budget(broker: ScriptedBroker, request_name: str) -> None:
    async def open_and_close() -> None:
        settings = Settings(bootstrap_servers=broker.address, group_id="team")
        async with budget_topic.open_shared_budget(settings, BudgetWindow(10, None)):
            raise AssertionError("it cannot be opened")

    broker.script[request_name] = never
    stop = asyncio.Event()
    opening = asyncio.create_task(unless_stopped(stop, open_and_close()))
    await broker.wait_for_requests(request_name)
    stop.set()
    async with asyncio.timeout(STOP_LIMIT_S):
        with pytest.raises(StoppedError):
            await opening
