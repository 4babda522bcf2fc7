"""The helpdesk connector as a process on a real Kafka, killed while the helpdesk misbehaves."""

import uuid

import pytest

from tests.kafka.harness import Bench
from tests.kafka.processes import eventually
from tests.kafka.test_router import Sent
from tests.worker.helpdesk.fakes import TOKEN, USER, FakeZendesk, ticket

pytestmark = pytest.mark.kafka


async def test_a_killed_connector_makes_one_ticket_each(bench: Bench) -> None:
    """The topic of intents stands in for that of tickets: it is only a name here."""
    await bench.create_topics()
    events = [ticket(number=number) for number in range(60)]
    closed = [ticket("escalated", number=number, queue="claims", priority="urgent") for number in range(60)]
    refused = ticket(number=900, tags=["refuse"])
    records: list[Sent] = [(event.ticket_id.encode(), event.write(), []) for event in (*events, refused, *closed)]
    await bench.send(bench.output, [*records, (b"k", b"no ticket", [])])
    there = FakeZendesk(["429-late", "ok", "lost", "500", "ok"] * 10)
    async with there.running() as site:
        settings = {
            "module": "triage_worker helpdesk",
            "group_id": f"helpdesk-{uuid.uuid4().hex[:8]}",
            "tickets_topic": bench.output,
            "output_topic": "unused",
            "helpdesk": "zendesk",
            "helpdesk_url": site,
            "helpdesk_user": USER,
            "helpdesk_token": TOKEN,
            "helpdesk_per_minute": "60000",
        }

        async def begun() -> bool:
            return len(there.tickets) >= 10

        async def done() -> bool:
            tickets = there.tickets.values()
            return len(tickets) == 60 and all(one["priority"] == "urgent" for one in tickets)

        async def put_aside() -> bool:
            return len(await bench.read(bench.dead_letters)) >= 2

        first = bench.worker(**settings)
        await eventually(begun, 60, first.said)
        first.kill()
        second = bench.worker(**settings)
        await eventually(done, 60, second.said)
        await eventually(put_aside, 60, second.said)
        assert await second.terminate() == 0, second.said()
    assert len({one["external_id"] for one in there.tickets.values()}) == 60
    codes = {dict(letter.headers)["dlq.error"] for letter in await bench.read(bench.dead_letters)}
    assert codes == {b"helpdesk_refused", b"not_a_ticket"}
