"""The helpdesk connector as a process on a real Kafka, killed while the helpdesk fails."""

import uuid

import pytest

from tests.kafka.harness import KafkaHarness, Record
from tests.kafka.processes import eventually
from tests.worker.helpdesk.fakes import TOKEN, USER, FakeZendesk, ticket

pytestmark = pytest.mark.kafka


async def test_a_killed_connector_creates_each_ticket_once(harness: KafkaHarness) -> None:
    """The harness's output topic serves as the tickets topic."""
    await harness.create_topics()
    events = [ticket(number=number) for number in range(60)]
    escalated = [ticket("escalated", number=number, queue="claims", priority="urgent") for number in range(60)]
    refused = ticket(number=900, tags=["refuse"])
    records: list[Record] = [(event.ticket_id.encode(), event.write(), []) for event in (*events, refused, *escalated)]
    await harness.send(harness.output, [*records, (b"k", b"no ticket", [])])
    helpdesk = FakeZendesk(["429-late", "ok", "lost", "500", "ok"] * 10)
    async with helpdesk.running() as site:
        settings = {
            "module": "triage_worker helpdesk",
            "group_id": f"helpdesk-{uuid.uuid4().hex[:8]}",
            "tickets_topic": harness.output,
            "output_topic": "unused",
            "helpdesk": "zendesk",
            "helpdesk_url": site,
            "helpdesk_user": USER,
            "helpdesk_token": TOKEN,
            "helpdesk_per_minute": "60000",
        }

        async def ten_created() -> bool:
            return len(helpdesk.tickets) >= 10

        async def all_urgent() -> bool:
            tickets = helpdesk.tickets.values()
            return len(tickets) == 60 and all(ticket["priority"] == "urgent" for ticket in tickets)

        async def dead_letters_sent() -> bool:
            return len(await harness.read(harness.dead_letters)) >= 2

        first = harness.start(**settings)
        await eventually(ten_created, 60, first.log_text)
        first.kill()
        second = harness.start(**settings)
        await eventually(all_urgent, 60, second.log_text)
        await eventually(dead_letters_sent, 60, second.log_text)
        assert await second.terminate() == 0, second.log_text()
    assert len({ticket["external_id"] for ticket in helpdesk.tickets.values()}) == 60
    codes = {dict(dead_letter.headers)["dlq.error"] for dead_letter in await harness.read(harness.dead_letters)}
    assert codes == {b"helpdesk_refused", b"not_a_ticket"}
