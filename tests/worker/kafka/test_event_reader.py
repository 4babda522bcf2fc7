"""The services read events in every format, wait for a schema where the registry is away, and lose nothing for that."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka.structs import ConsumerRecord, TopicPartition
from prometheus_client import CollectorRegistry
from triage_schemas.encoding import AvroEncoding, EventEncoding, FramedJsonEncoding
from triage_schemas.events import Event, FallbackEvent, IntentEvent, LabelEvent, TicketEvent
from triage_schemas.input.registry.frames import SchemaId
from triage_schemas.input.registry.schema import SchemaText, UnusableSchema
from triage_schemas.output_formats import schema_of
from triage_worker.config.errors import ConfigError
from triage_worker.fallback.llm_decider import Decided
from triage_worker.helpdesk.metrics import HelpdeskMetrics, Outcome
from triage_worker.helpdesk.service import Connector
from triage_worker.kafka import schema_cache
from triage_worker.kafka.dead_letters import DeadLetterTopic
from triage_worker.kafka.event_reader import EventReader
from triage_worker.kafka.labels_topic import read_label
from triage_worker.kafka.registry_client import RegistryDownError
from triage_worker.kafka.schema_cache import SchemaCache
from triage_worker.observability.metrics import Metrics
from triage_worker.resilience.backoff import RetryPolicy
from triage_worker.resilience.tasks import wait_until
from triage_worker.router.context import RouterContext
from triage_worker.router.customer_records import CustomerRecords
from triage_worker.router.event_batcher import EventBatcher
from triage_worker.router.explain import _event_about
from triage_worker.router.metrics import RouterMetrics
from triage_worker.router.ticket_service import TicketService
from triage_worker.streaming.async_processor import AsyncDecisionProcessor
from triage_worker.streaming.decision_events import message_fields
from triage_worker.streaming.tracking.dead_letters import DeadLetters
from triage_worker.streaming.tracking.in_flight import InFlightMessages

from tests.worker.fakes import ProcessorHarness, record
from tests.worker.fallback.events import event as fallback_event
from tests.worker.fallback.harness import OUTPUTS, PARTITION
from tests.worker.router.fakes import TOPICS, FakeBroker, FakeRecord
from tests.worker.router.intents import intent_event
from tests.worker.router.test_event_batcher import FakeEvents
from tests.worker.router.test_ticket_service import ROUTES

pytest.importorskip("fastavro")

KINDS: tuple[type[Event], ...] = (IntentEvent, FallbackEvent, LabelEvent, TicketEvent)
IDS = {kind: number for number, kind in enumerate(KINDS, 1)}
AVRO, FRAMED = AvroEncoding(IDS), FramedJsonEncoding(IDS)
UNKNOWN = UnusableSchema("unknown_schema", "the registry does not know the schema")


class Registry:
    """Has the schemas of the events, and can be away."""

    def __init__(self) -> None:
        self.away = False
        self.asked: list[str] = []

    async def fetch(self, schema_id: SchemaId) -> SchemaText | UnusableSchema:
        self.asked.append(schema_id.value)
        await asyncio.sleep(0)
        if self.away:
            raise RegistryDownError("connection refused")
        found = next((kind for kind, number in IDS.items() if str(number) == schema_id.value), None)
        return UNKNOWN if found is None else schema_of(found, "avro")


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    monkeypatch.setattr(schema_cache, "SECOND_LOOK_S", 0.0)
    return Registry()


@pytest.fixture
def reader(registry: Registry) -> EventReader:
    return EventReader(SchemaCache(registry.fetch, CollectorRegistry(), RetryPolicy(0.001, 0.001)))


class Accepts:
    """Decides everything at once."""

    down = None

    async def available(self) -> None:
        pass

    async def decide(self, event: FallbackEvent) -> Decided:
        return Decided("WISMO", 0.9)


def fallback(reader: EventReader) -> ProcessorHarness[AsyncDecisionProcessor[FallbackEvent, Any]]:
    in_flight = InFlightMessages(Metrics())
    processor: AsyncDecisionProcessor[FallbackEvent, Any] = AsyncDecisionProcessor(
        FallbackEvent,
        Accepts(),
        OUTPUTS.build,
        DeadLetters(DeadLetterTopic("dlq")),
        in_flight,
        concurrency=2,
        reader=reader,
    )
    return ProcessorHarness(processor, in_flight, PARTITION)


def written(encodings: Sequence[EventEncoding | None]) -> list[ConsumerRecord]:
    """Fallback requests, each in one of these encodings; None is plain JSON."""
    found = []
    for offset, encoding in enumerate(encodings):
        event = fallback_event(offset=offset)
        found.append(record(PARTITION, offset, event.write() if encoding is None else encoding.write(event)))
    return found


async def test_the_fallback_reads_a_topic_with_all_formats_and_writes_json_as_before(
    registry: Registry, reader: EventReader
) -> None:
    async with fallback(reader) as harness:
        await harness.process({PARTITION: written([None, FRAMED, AVRO, AVRO])})
        outputs = await harness.wait_for_outputs(4)
    assert [output.offset for output in outputs] == [0, 1, 2, 3]
    assert {output.outcome for output in outputs} == {"accepted"}
    events = [IntentEvent.read(output.value or b"") for output in outputs]
    assert {event.metadata["tier"] for event in events} == {"gold"}
    assert registry.asked == [str(IDS[FallbackEvent])]


async def test_the_fallback_waits_while_the_registry_is_away(registry: Registry, reader: EventReader) -> None:
    registry.away = True
    async with fallback(reader) as harness:
        await harness.process({PARTITION: written([None, AVRO])})
        await wait_until(lambda: len(registry.asked) > 3)
        assert harness.outputs == []
        assert harness.processor.down == "the schema registry does not answer (connection refused)"
        registry.away = False
        outputs = await harness.wait_for_outputs(2)
        await wait_until(lambda: harness.processor.down is None)
    assert {output.outcome for output in outputs} == {"accepted"}


async def test_events_of_a_revoked_partition_are_not_decided_once_the_registry_answers(
    registry: Registry, reader: EventReader
) -> None:
    registry.away = True
    async with fallback(reader) as harness:
        await harness.process({PARTITION: written([AVRO])})
        await wait_until(lambda: bool(registry.asked))
        harness.processor.pause()
        harness.in_flight.revoke([PARTITION])
        harness.in_flight.offsets.assign(PARTITION)
        harness.processor.resume()
        registry.away = False
        await harness.process({PARTITION: [record(PARTITION, 7, fallback_event(offset=7).write())]})
        outputs = await harness.wait_for_outputs(1)
    assert [output.offset for output in outputs] == [7]


async def test_avro_without_a_registry_is_a_dead_letter_that_names_the_setting() -> None:
    async with fallback(EventReader()) as harness:
        await harness.process({PARTITION: written([AVRO, FRAMED])})
        outputs = await harness.wait_for_outputs(2)
    assert [output.label for output in outputs] == ["bad_event", "WISMO"]
    assert b"TRIAGE_SCHEMA_REGISTRY_URL" in (dict(outputs[0].headers)["dlq.message"] or b"")


async def test_an_unknown_schema_is_a_dead_letter(reader: EventReader) -> None:
    value = b"\0\0\0\0\x63" + AVRO.write(fallback_event())[5:]
    async with fallback(reader) as harness:
        await harness.process({PARTITION: [record(PARTITION, 0, value)]})
        (output,) = await harness.wait_for_outputs(1)
    assert output.label == "bad_event"
    assert b"does not know" in (dict(output.headers)["dlq.message"] or b"")


async def test_the_router_reads_and_writes_avro(reader: EventReader) -> None:
    broker = FakeBroker()
    context = RouterContext(
        TOPICS, broker.send, lambda: ROUTES, RouterMetrics(), lambda: 1e9, reader=reader, encoding=AVRO
    )
    records = [
        FakeRecord(0, b"k", AVRO.write(intent_event(0, intent="DAMAGED_ITEM"))),
        FakeRecord(1, b"k", intent_event(1, intent="DAMAGED_ITEM").write()),
        FakeRecord(2, None, AVRO.write(intent_event(2))),
    ]
    await TicketService(context, broker).process(records)
    tickets = broker.of("tickets")
    await reader.load([FakeRecord(0, b"k", ticket.value) for ticket in tickets])
    read = [reader.read(TicketEvent, FakeRecord(0, b"k", ticket.value)) for ticket in tickets]
    assert {ticket.queue for ticket in read} == {"claims"}
    assert {dict(ticket.headers)["content-type"] for ticket in tickets} == {b"application/avro"}
    (keyed,) = broker.of("keyed")
    assert keyed.value == records[2].value, "what the router sends to itself stays as it was"
    assert broker.of("dlq") == []


async def test_partitions_are_handed_over_while_the_routers_batch_waits_for_a_schema() -> None:
    events, processed, schemas = FakeEvents(), list[int](), asyncio.Event()

    async def prepare(_: object) -> None:
        await schemas.wait()

    async def process(messages: Sequence[Any]) -> None:
        processed.extend(message.offset for message in messages)

    batcher = EventBatcher(process, RouterMetrics(), prepare)
    running = asyncio.create_task(batcher.run())
    await batcher.put(events.event(0))
    await asyncio.sleep(0.01)
    await asyncio.wait_for(batcher.discard_pending(), 1)
    schemas.set()
    await batcher.put(events.event(7))
    await wait_until(lambda: bool(events.acked))
    running.cancel()
    assert processed == [7]


async def test_the_helpdesk_reads_tickets_in_avro(reader: EventReader) -> None:
    class Desk:
        def __init__(self) -> None:
            self.tickets: list[TicketEvent] = []

        async def upsert(self, ticket: TicketEvent) -> Outcome:
            self.tickets.append(ticket)
            return "created"

    broker, desk = FakeBroker(), Desk()
    context = RouterContext(TOPICS, broker.send, lambda: ROUTES, RouterMetrics(), lambda: 1e9, encoding=AVRO)
    await TicketService(context, broker).process([FakeRecord(0, b"k", intent_event(0).write())])
    (ticket,) = broker.of("tickets")
    read = record(TopicPartition("tickets", 0), 0, ticket.value)
    from triage_worker.config.settings import Settings

    connector = Connector(Settings(), desk, HelpdeskMetrics(), reader)
    await reader.load([read])
    await connector._process(read, None)  # type: ignore[arg-type]
    assert [ticket.ticket_id for ticket in desk.tickets] == [ticket.key.decode() if ticket.key else ""]


async def test_commands_read_labels_and_intents_in_avro(reader: EventReader) -> None:
    label = LabelEvent(
        **message_fields(fallback_event()),
        text="where is it",
        label="WISMO",
        decided_by="human",
        labelled_at=fallback_event().classified_at,
    )
    place = TopicPartition("customer.labels", 0)
    records = [record(place, 0, AVRO.write(label)), record(place, 1, label.write()), record(place, 2, b"nonsense")]
    await reader.load(records)
    found = [read_label(one, reader) for one in records]
    assert [one is not None and one.event == label for one in found] == [True, True, False]
    event = intent_event(5)
    intents = [FakeRecord(0, b"k", AVRO.write(event)), FakeRecord(1, b"k", AVRO.write(intent_event(6)))]
    await reader.load(intents)
    assert [_event_about(event.message_id, one, reader) for one in intents] == [event, None]


async def test_records_of_a_customer_are_found_in_avro(reader: EventReader) -> None:
    mine, others = intent_event(0), intent_event(1).model_copy(update={"customer_id": "somebody else"})
    assert mine.customer_id is not None
    records = [
        FakeRecord(0, b"a", AVRO.write(mine)),
        FakeRecord(1, b"b", AVRO.write(others)),
        FakeRecord(2, b"c", FRAMED.write(mine)),
        FakeRecord(3, b"d", mine.write()),
    ]
    await reader.load(records)
    found = CustomerRecords(mine.customer_id, reader)
    found.add(records)
    assert [place.key for place in found.keys] == [b"a", b"c", b"d"]


async def test_a_command_without_a_registry_refuses_avro_instead_of_finding_nothing() -> None:
    records = [FakeRecord(0, b"k", intent_event(0).write()), FakeRecord(1, b"k", AVRO.write(intent_event(1)))]
    strict = EventReader(strict=True)
    await strict.load(records[:1])
    with pytest.raises(ConfigError, match=r"on intents are in Avro .* TRIAGE_SCHEMA_REGISTRY_URL"):
        await strict.load(records)
