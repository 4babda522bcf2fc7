"""The connector ends with a sentence when the right to read its topic is revoked, whichever request finds that."""

import asyncio
from typing import Any

import pytest
from triage_schemas.events import TicketEvent
from triage_worker.config.errors import ConfigError
from triage_worker.config.settings import Settings
from triage_worker.helpdesk.metrics import HelpdeskMetrics
from triage_worker.helpdesk.service import Connector
from triage_worker.kafka import clients
from triage_worker.kafka.authorization import required

from tests.worker.kafka.client_compat.hidden_topic import ANSWERS, revoke
from tests.worker.kafka.client_compat.scripted_broker import TOPIC, all_assigned, scripted_broker


class UnusedHelpdesk:
    """A helpdesk that gets no tickets."""

    async def upsert(self, ticket: TicketEvent) -> Any:
        raise AssertionError(ticket)


@pytest.mark.parametrize("found_by", ANSWERS)
async def test_the_topic_is_named(found_by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "METADATA_MAX_AGE_MS", 50 if found_by == "MetadataRequest" else 300_000)
    async with scripted_broker(SyncGroupRequest=all_assigned) as broker, asyncio.timeout(20):
        settings = Settings(bootstrap_servers=broker.address, tickets_topic=TOPIC)
        connector = Connector(settings, UnusedHelpdesk(), HelpdeskMetrics())
        if found_by != "MetadataRequest":
            revoke(broker, found_by)  # between the assignment and the first fetch
        running = asyncio.create_task(connector.run(asyncio.Event()))
        if found_by == "MetadataRequest":
            await broker.wait_for_requests("FetchRequest")
            assert connector.not_ready() is None
            revoke(broker, found_by)
        with pytest.raises(ConfigError, match=rf"Read or Write on the topic {TOPIC}: grant it"), required():
            await running
