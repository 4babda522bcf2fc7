"""Gives a test the topics of a router, routers on them, and a check of the tickets."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from triage_schemas.cloudevents import event_headers
from triage_schemas.events import IntentEvent

from tests.kafka.harness import KafkaHarness, Record
from tests.kafka.processes import ServiceProcess
from tests.records import json_of
from tests.worker.router.intents import intent_event


@dataclass
class RouterHarness:
    """The topics of one test, and routers on them.

    Attributes:
        kafka: the harness; its output topic has the intents.
        tickets: the tickets topic.
        alerts: the alerts topic.
        state: the folder of the router's tables.
    """

    kafka: KafkaHarness
    tickets: str
    alerts: str
    state: Path

    def start(self, arguments: str = "", **settings: str) -> ServiceProcess:
        """Start a router."""
        return self.kafka.start(
            module=f"triage_worker router {arguments}",
            output_topic=self.kafka.output,
            tickets_topic=self.tickets,
            alerts_topic=self.alerts,
            **{"state_dir": str(self.state)} | settings,
        )

    async def join(self, **settings: str) -> ServiceProcess:
        """Start a router and wait until it has partitions."""
        router = self.start(**settings)
        await router.wait_for_log("Partitions assigned", 60)
        return router

    async def send(self, records: Iterable[Record]) -> None:
        """Send intents."""
        await self.kafka.send(self.kafka.output, records)

    async def wait_until_routed(self) -> None:
        """Wait until the group has committed all intents."""
        await self.kafka.wait_until_committed(90, topic=self.kafka.output)

    async def latest_tickets(self) -> dict[str, list[dict[str, Any]]]:
        """Return the latest event of each ticket, by conversation."""
        tickets = {record.key: json_of(record) for record in await self.kafka.read(self.tickets)}
        by_conversation = defaultdict(list)
        for ticket in tickets.values():
            by_conversation[ticket["conversation_id"]].append(ticket)
        return by_conversation

    async def verify_tickets(self, conversations: Sequence[str]) -> None:
        """Verify that each conversation has one ticket, which counts its messages.

        Args:
            conversations: the conversation of each message.
        """
        latest = await self.latest_tickets()
        assert latest.keys() == set(conversations)
        assert all(len(tickets) == 1 for tickets in latest.values())
        counts = {conversation: tickets[0]["messages"] for conversation, tickets in latest.items()}
        assert counts == Counter(conversations)
        events = defaultdict(set)
        for record in await self.kafka.read(self.tickets):
            events[dict(record.headers)["ce_id"]].add(record.value)
        assert all(len(values) == 1 for values in events.values()), "an event id has several events"
        assert len(events) == len(conversations), "not every message changed its ticket once"


def intent_record(
    number: int, conversation: str, intent: str, *, keyed: bool = True, at: datetime | None = None
) -> Record:
    """Make the record of an intent."""
    event = intent_event(number, conversation_id=conversation, intent=intent, at=at)
    event_id = f"{IntentEvent.TYPE}:in:0:{number}"
    headers = event_headers(IntentEvent.TYPE, event_id, "2026-01-05T09:00:00.000Z", event.message_id, [])
    return conversation.encode() if keyed else None, event.write(), headers
