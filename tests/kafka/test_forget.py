"""``triage forget`` on a real Kafka: with a router that runs, and with one that starts later from its own disk."""

import asyncio
import subprocess
import sys
import uuid
from pathlib import Path

import orjson
import pytest
from triage_schemas.cloudevents import event_headers
from triage_schemas.events import IntentEvent, LabelEvent, SourceRef
from triage_worker.helpdesk.ownership import TicketRecord

from tests.kafka import admin
from tests.kafka.harness import ROOT, KafkaHarness, Record, environment
from tests.kafka.processes import eventually
from tests.kafka.router_harness import RouterHarness
from tests.worker.router.intents import MONDAY, intent_event

pytestmark = pytest.mark.kafka


def record(number: int, conversation: str, customer: str | None) -> Record:
    event = intent_event(number, conversation_id=conversation, customer_id=customer)
    identity = f"{IntentEvent.TYPE}:in:0:{number}"
    return conversation.encode(), event.write(), event_headers(IntentEvent.TYPE, identity, "x", event.message_id, [])


def label(customer: str) -> Record:
    event = LabelEvent(
        message_id="m",
        conversation_id=None,
        customer_id=customer,
        channel=None,
        source=SourceRef(topic="in", partition=0, offset=0),
        text="where is it",
        label="WISMO",
        decided_by="human",
        labelled_at=MONDAY,
    )
    return b"k", event.write(), []


class ForgetHarness(RouterHarness):
    """A router's topics, and the command on them."""

    @property
    def changelog(self) -> str:
        return f"{self.kafka.group}-conversations-changelog"

    @property
    def labels(self) -> str:
        return self.tickets.replace("tickets", "labels")

    async def forget(self, *arguments: str, code: int = 0) -> str:
        settings = {
            "bootstrap_servers": self.kafka.bootstrap,
            "group_id": self.kafka.group,
            "input_topic": self.kafka.input,
            "output_topic": self.kafka.output,
            "fallback_topic": self.kafka.fallback,
            "dead_letter_topic": self.kafka.dead_letters,
            "tickets_topic": self.tickets,
            "alerts_topic": self.alerts,
            "labels_topic": self.labels,
            "helpdesk": "zendesk",
        }
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "triage_worker", "forget", *arguments],
            cwd=ROOT,
            env=environment(**settings),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    async def customers(self, topic: str) -> list[str]:
        """Return whose the newest record of each key is."""
        newest = {(one.partition, one.key): one.value for one in await self.kafka.read(topic)}
        return sorted(str(orjson.loads(value)["customer_id"]) for value in newest.values() if value is not None)


@pytest.fixture
async def forgetting(harness: KafkaHarness, tmp_path: Path) -> ForgetHarness:
    name = uuid.uuid4().hex[:8]
    created = ForgetHarness(harness, f"tickets-{name}", f"alerts-{name}", tmp_path / "state")
    await harness.create_topics(dead_letters={"retention.ms": "86400000"})
    compacted = {created.tickets: {"cleanup.policy": "compact"}, created.labels: {"retention.ms": "-1"}}
    await admin.create_topics(harness.bootstrap, [created.tickets, created.labels], 3, 1, compacted)
    await admin.create_topics(harness.bootstrap, [created.alerts], partitions=1)
    return created


async def test_a_customer_is_forgotten_by_topics_and_router(forgetting: ForgetHarness) -> None:
    sent = [record(number, f"chat-{number % 6}", ("c-1", "c-2", "c-1")[number % 3]) for number in range(12)]
    await forgetting.kafka.send(forgetting.labels, [label("c-1"), label("c-2"), label("c-1")])
    router = await forgetting.join()
    await forgetting.send(sent)
    await forgetting.wait_until_routed()

    counted = await forgetting.forget("--customer", "c-1", "--dry-run")
    assert f"{forgetting.tickets}: 4 tickets, 4 tombstones to write; the records themselves go when" in counted
    assert f"{forgetting.changelog}: 4 conversations, 4 tombstones to write" in counted
    assert f"{forgetting.kafka.dead_letters}: deletes records after 1 day (retention.ms=86400000)." in counted
    assert f"{forgetting.labels}: keeps records for ever (retention.ms=-1); 2 records of c-1." in counted
    assert "Not reached: the helpdesk (zendesk)" in counted
    assert await forgetting.customers(forgetting.tickets) == ["c-1"] * 4 + ["c-2"] * 2

    assert "4 tickets, 4 tombstones written" in await forgetting.forget("--customer", "c-1")
    assert await forgetting.customers(forgetting.tickets) == ["c-2"] * 2
    assert await forgetting.customers(forgetting.changelog) == ["c-2"] * 2
    tombstones = [one for one in await forgetting.kafka.read(forgetting.changelog) if one.value is None]
    assert len(tombstones) == 4, "those of the router, and none of the command"
    keyed = f"{forgetting.kafka.group}-keyed"
    await forgetting.kafka.wait_until_committed(topic=keyed)
    again = await forgetting.forget("--customer", "c-1")
    assert f"{forgetting.tickets}: no ticket of the customer." in again
    assert f"{forgetting.changelog}: no conversation of the customer." in again

    # The router that ran all the while has forgotten them, too: a new message opens a ticket with one message.
    await forgetting.send([record(100, "chat-0", "c-1"), record(101, "chat-1", "c-2")])
    await forgetting.wait_until_routed()
    latest = {name: tickets[-1] for name, tickets in (await live_tickets(forgetting)).items()}
    assert (latest["chat-0"]["messages"], latest["chat-1"]["messages"]) == (1, 3)
    assert await router.terminate() == 0, router.log_text()
    assert await forgetting.kafka.read(forgetting.kafka.dead_letters) == []


async def test_what_the_helpdesk_connector_remembers_is_forgotten(forgetting: ForgetHarness) -> None:
    state = f"{forgetting.kafka.group}-state"
    assert f"{state}: not found" in await forgetting.forget("--customer", "c-1", "--dry-run")
    compacted = {state: {"cleanup.policy": "compact,delete", "retention.ms": "7776000000"}}
    await admin.create_topics(forgetting.kafka.bootstrap, [state], 1, 1, compacted)
    records = [TicketRecord(about={"customer_id": customer}).dump() for customer in ("c-1", "c-2", "c-1")]
    written: list[Record] = [(f"ticket:zendesk:{number}".encode(), value, []) for number, value in enumerate(records)]
    await forgetting.kafka.send(state, written)
    said = await forgetting.forget("--customer", "c-1")
    assert f"{state}: 2 records, 2 tombstones written; the records themselves go when the broker compacts" in said
    left = {one.key: one.value for one in await forgetting.kafka.read(state)}
    assert {key for key, value in left.items() if value is not None} == {b"ticket:zendesk:1"}


async def test_a_router_that_did_not_run_forgets_what_is_on_its_disk_at_its_start(forgetting: ForgetHarness) -> None:
    router = await forgetting.join()
    await forgetting.send([record(1, "chat-1", "c-1"), record(2, "chat-2", "c-2")])
    await forgetting.wait_until_routed()
    assert await router.terminate() == 0, router.log_text()
    assert "1 conversation, 1 tombstone written" in await forgetting.forget("--customer", "c-1")
    router = await forgetting.join()
    await forgetting.send([record(3, "chat-1", "c-1"), record(4, "chat-2", "c-2")])
    await forgetting.wait_until_routed()

    async def counted() -> bool:
        latest = await live_tickets(forgetting)
        return [latest[name][-1]["messages"] for name in ("chat-1", "chat-2")] == [1, 2]

    await eventually(counted, 30, router.log_text)
    assert await router.terminate() == 0, router.log_text()


async def test_without_its_topics_the_command_says_what_is_missing(harness: KafkaHarness, tmp_path: Path) -> None:
    bare = ForgetHarness(harness, f"tickets-{uuid.uuid4().hex}", "alerts", tmp_path)
    assert (await bare.forget("--customer", "c-1", code=2)).startswith(
        f"triage: The topic {bare.tickets} does not exist"
    )
    assert (await bare.forget("--customer", " ", code=2)).startswith("triage: --customer is empty")


async def live_tickets(forgetting: ForgetHarness) -> dict[str, list[dict[str, object]]]:
    """Return the newest event of each ticket that has no tombstone, by conversation, oldest ticket first."""
    newest = {one.key: one for one in await forgetting.kafka.read(forgetting.tickets)}
    tickets: dict[str, list[dict[str, object]]] = {}
    for one in sorted(newest.values(), key=lambda one: one.offset):
        if one.value is not None:
            ticket = orjson.loads(one.value)
            tickets.setdefault(ticket["conversation_id"], []).append(ticket)
    return tickets
