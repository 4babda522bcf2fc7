"""The helpdesk connector as a process on a real Kafka: customers' own tickets, agents who teach, and kills."""

import uuid
from pathlib import Path

import pytest
from triage_schemas.events import LabelEvent

from tests.kafka import admin
from tests.kafka.harness import KafkaHarness, Record
from tests.kafka.processes import ServiceProcess, eventually
from tests.worker.helpdesk.desks import event
from tests.worker.helpdesk.fakes import TOKEN, USER
from tests.worker.helpdesk.standins.zendesk import ZendeskDesk

pytestmark = pytest.mark.kafka

TICKETS = range(1, 31)
FAULTS = ["ok", "429-late", "ok", "lost", "ok", "500", "ok", "ok"]

RULES = """
helpdesk:
  groups: {claims: 360001, delivery: 360002}
  ticket: {intent: 501, confidence: 502}
  teach: {groups: {42: BILLING_DISPUTE}}
rules: []
"""


async def test_a_killed_connector_writes_on_each_ticket_and_teaches_once(harness: KafkaHarness, tmp_path: Path) -> None:
    """The harness's output topic serves as the tickets topic."""
    await harness.create_topics()
    labels = f"labels-{uuid.uuid4().hex[:8]}"
    await admin.create_topics(harness.bootstrap, [labels], 1, 1, {})
    (tmp_path / "routes.yaml").write_text(RULES)
    desk = ZendeskDesk(FAULTS * 1_000)
    for number in TICKETS:
        desk.open(number)
    opened: list[Record] = [(f"t-{number}".encode(), event(of=number).write(), []) for number in TICKETS]
    later: list[Record] = [
        (f"t-{number}".encode(), event("escalated", of=number, queue="claims", priority="urgent").write(), [])
        for number in TICKETS
    ]
    await harness.send(harness.output, opened)
    async with desk.running() as site:

        def start() -> ServiceProcess:
            return harness.start(
                module="triage_worker helpdesk",
                tickets_topic=harness.output,
                output_topic="unused",
                labels_topic=labels,
                helpdesk="zendesk",
                helpdesk_url=site,
                helpdesk_user=USER,
                helpdesk_token=TOKEN,
                helpdesk_per_minute="60000",
                helpdesk_poll_s="0.2",
                routes=str(tmp_path / "routes.yaml"),
            )

        async def ten_written() -> bool:
            return sum("triage" in one.tags for one in desk.desk.values()) >= 10

        async def all_written() -> bool:
            return all(one.values["intent"] == "WISMO" and "triage" in one.tags for one in desk.desk.values())

        async def all_urgent() -> bool:
            return all(one.values["priority"] == "urgent" for one in desk.desk.values())

        first = start()
        await eventually(ten_written, 90, first.log_text)
        first.kill()
        second = start()
        await eventually(all_written, 90, second.log_text)
        for number in range(1, 5):
            desk.by_person(number, "group", "42" if number == 1 else "43")
        desk.by_person(5, "intent", "RETURN_REQUEST")
        second.kill()
        await harness.send(harness.output, later)
        third = start()
        await eventually(all_urgent, 90, third.log_text)
        assert await third.terminate() == 0, third.log_text()
    assert {desk.desk[number].values["group"] for number in range(2, 5)} == {"43"}
    assert (desk.desk[1].values["group"], desk.desk[5].values["intent"]) == ("42", "RETURN_REQUEST")
    assert {desk.desk[number].values["group"] for number in range(6, 31)} == {"360001"}
    assert desk.created == 0
    assert await harness.read(labels) == [], "nothing settles within a minute"


async def test_labels_are_stored_once_whichever_connector_is_killed(harness: KafkaHarness, tmp_path: Path) -> None:
    """Changes are as old as they need to be; the connector is killed three times while it teaches."""
    await harness.create_topics()
    labels = f"labels-{uuid.uuid4().hex[:8]}"
    await admin.create_topics(harness.bootstrap, [labels], 1, 1, {})
    (tmp_path / "routes.yaml").write_text(RULES)
    desk = ZendeskDesk()
    for number in TICKETS:
        desk.open(number)
    events: list[Record] = [(f"t-{number}".encode(), event(of=number).write(), []) for number in TICKETS]
    await harness.send(harness.output, events)
    async with desk.running() as site:

        def start() -> ServiceProcess:
            return harness.start(
                module="tests.kafka.quick_helpdesk",
                tickets_topic=harness.output,
                output_topic="unused",
                labels_topic=labels,
                helpdesk="zendesk",
                helpdesk_url=site,
                helpdesk_user=USER,
                helpdesk_token=TOKEN,
                helpdesk_per_minute="60000",
                helpdesk_poll_s="0.1",
                routes=str(tmp_path / "routes.yaml"),
            )

        async def all_written() -> bool:
            return all("triage" in one.tags for one in desk.desk.values())

        async def exported() -> bool:
            return any("incremental" in path for _, path in desk.calls)

        async def taught(count: int) -> bool:
            return len(await harness.read(labels)) >= count

        service = start()
        await eventually(all_written, 90, service.log_text)
        await eventually(exported, 30, service.log_text)
        for number in TICKETS:
            desk.by_person(number, "intent", f"LABEL_{number}")
        for count in (3, 10, 20):

            async def enough(wanted: int = count) -> bool:
                return await taught(wanted)

            await eventually(enough, 90, service.log_text)
            service.kill()
            service = start()

        async def all_taught() -> bool:
            return await taught(len(TICKETS))

        await eventually(all_taught, 90, service.log_text)
        assert await service.terminate() == 0, service.log_text()
    found = [LabelEvent.read(record.value or b"") for record in await harness.read(labels)]
    expected = sorted((f"m-{number}", f"LABEL_{number}", "where is my parcel") for number in TICKETS)
    assert sorted((one.message_id, one.label, one.text) for one in found) == expected
