"""Watches the demo's topics from outside, as any consumer could, and keeps the books."""

from aiokafka import ConsumerRecord, TopicPartition
from triage_schemas.events import FallbackEvent, IntentEvent, ReviewEvent, TicketEvent
from triage_schemas.input.decoder import decode
from triage_schemas.input.message import CustomerMessage, InputShape, Source

from triage_worker.config.settings import Settings
from triage_worker.demo.cases import Cases
from triage_worker.demo.tally import Answer, Place, Tally
from triage_worker.kafka.clients import topic_consumer

SHAPE = InputShape()


async def observe(settings: Settings, partitions: int, tally: Tally, cases: Cases) -> None:
    """Read the topics from their beginning into the books, until cancelled."""
    topics = (
        settings.input_topic,
        settings.output_topic,
        settings.fallback_topic,
        settings.dead_letter_topic,
        settings.review_topic,
        settings.tickets_topic,
    )
    consumer = topic_consumer(settings)
    try:
        await consumer.start()
        assigned = [TopicPartition(topic, number) for topic in topics for number in range(partitions)]
        consumer.assign(assigned)
        await consumer.seek_to_beginning(*assigned)
        while True:
            for records in (await consumer.getmany(timeout_ms=100)).values():
                for record in records:
                    note(settings, record, tally, cases)
    finally:
        await consumer.stop()


def note(settings: Settings, record: ConsumerRecord, tally: Tally, cases: Cases) -> None:
    """Enter one record into the books."""
    at = record.timestamp / 1000
    if record.topic == settings.input_topic:
        tally.read((record.partition, record.offset), _text(record), at)
    elif record.topic == settings.output_topic:
        _intent(IntentEvent.read(record.value or b""), at, tally, cases)
    elif record.topic == settings.fallback_topic:
        refused = FallbackEvent.read(record.value or b"")
        tally.answer(_place(refused), Answer("fallback", refused.intent, refused.confidence, refused.reason, at))
        cases.ask(_place(refused), refused, at)
    elif record.topic == settings.review_topic:
        left = ReviewEvent.read(record.value or b"")
        cases.verdict(_place(left), left, at)
    elif record.topic == settings.tickets_topic:
        cases.change(TicketEvent.read(record.value or b""), at)
    else:
        _dead_letter(settings, record, at, tally)


def _intent(event: IntentEvent, at: float, tally: Tally, cases: Cases) -> None:
    """The worker answers messages; an LLM's intent is the verdict on one that the worker had answered already."""
    if event.decided_by == "model":
        tally.answer(_place(event), Answer("accepted", event.intent, event.confidence, None, at))
    else:
        cases.verdict(_place(event), event, at)
    cases.intent(_place(event), event, at)


def _dead_letter(settings: Settings, record: ConsumerRecord, at: float, tally: Tally) -> None:
    headers = {name: value or b"" for name, value in record.headers}
    if headers["dlq.topic"].decode() == settings.input_topic:  # else another service's, which then owes a verdict
        origin: Place = (int(headers["dlq.partition"]), int(headers["dlq.offset"]))
        tally.answer(origin, Answer("dead letter", "(dead letter)", None, headers["dlq.error"].decode(), at))


def _place(event: IntentEvent | FallbackEvent | ReviewEvent) -> Place:
    return event.source.partition, event.source.offset


def _text(record: ConsumerRecord) -> str:
    message = decode(record.value, Source(record.topic, record.partition, record.offset), SHAPE)
    if isinstance(message, CustomerMessage):
        return message.text
    return "(null)" if record.value is None else record.value.decode(errors="replace") or "(empty)"
