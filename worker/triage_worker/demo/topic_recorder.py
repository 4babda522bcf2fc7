"""Reads the demo's topics from outside, as any consumer could, and collects the results."""

from aiokafka import ConsumerRecord, TopicPartition
from triage_schemas.events import FallbackEvent, IntentEvent, ReviewEvent, TicketEvent
from triage_schemas.input.decoder import decode
from triage_schemas.messages.message import CustomerMessage, InputShape, Source

from triage_worker.config.settings import Settings
from triage_worker.demo.downstream_results import DownstreamResults
from triage_worker.demo.worker_results import Outcome, SourceOffset, WorkerResults
from triage_worker.kafka.clients import topic_consumer

SHAPE = InputShape()


async def record_topics(
    settings: Settings, partitions: int, worker: WorkerResults, downstream: DownstreamResults
) -> None:
    """Read the topics from their beginning into the results, until cancelled.

    Args:
        settings: the broker, and the names of the topics.
        partitions: the number of partitions of each topic.
        worker: collects the worker's results.
        downstream: collects the others.
    """
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
                    add_record(settings, record, worker, downstream)
    finally:
        await consumer.stop()


def add_record(
    settings: Settings, record: ConsumerRecord, worker: WorkerResults, downstream: DownstreamResults
) -> None:
    """Add one record to the results, by its topic."""
    at = record.timestamp / 1000
    if record.topic == settings.input_topic:
        worker.add_message((record.partition, record.offset), _text(record), at)
    elif record.topic == settings.output_topic:
        _add_intent(IntentEvent.read(record.value or b""), at, worker, downstream)
    elif record.topic == settings.fallback_topic:
        event = FallbackEvent.read(record.value or b"")
        worker.add_outcome(_source(event), Outcome("fallback", event.intent, event.confidence, event.reason, at))
        downstream.add_request(_source(event), event, at)
    elif record.topic == settings.review_topic:
        review = ReviewEvent.read(record.value or b"")
        downstream.add_decision(_source(review), review, at)
    elif record.topic == settings.tickets_topic:
        downstream.add_change(TicketEvent.read(record.value or b""), at)
    else:
        _add_dead_letter(settings, record, at, worker)


def _add_intent(event: IntentEvent, at: float, worker: WorkerResults, downstream: DownstreamResults) -> None:
    """Add an intent: the worker's outcome, or the fallback's decision about a message that has an outcome already."""
    if event.decided_by == "model":
        worker.add_outcome(_source(event), Outcome("accepted", event.intent, event.confidence, None, at))
    else:
        downstream.add_decision(_source(event), event, at)
    downstream.add_intent(_source(event), event, at)


def _add_dead_letter(settings: Settings, record: ConsumerRecord, at: float, worker: WorkerResults) -> None:
    headers = {name: value or b"" for name, value in record.headers}
    if headers["dlq.topic"].decode() == settings.input_topic:  # other services write dead letters to this topic, too
        origin: SourceOffset = (int(headers["dlq.partition"]), int(headers["dlq.offset"]))
        worker.add_outcome(origin, Outcome("dead letter", "(dead letter)", None, headers["dlq.error"].decode(), at))


def _source(event: IntentEvent | FallbackEvent | ReviewEvent) -> SourceOffset:
    return event.source.partition, event.source.offset


def _text(record: ConsumerRecord) -> str:
    message = decode(record.value, Source(record.topic, record.partition, record.offset), SHAPE)
    if isinstance(message, CustomerMessage):
        return message.text
    return "(null)" if record.value is None else record.value.decode(errors="replace") or "(empty)"
