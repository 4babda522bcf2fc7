"""Watches the demo's topics from outside, as any consumer could, and keeps the books."""

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from schemas.events import FallbackEvent, IntentEvent
from schemas.message import CustomerMessage, InputShape, Source, decode
from worker.connection import connection
from worker.demo.tally import Answer, Place, Tally
from worker.settings import Settings

SHAPE = InputShape()


async def observe(settings: Settings, partitions: int, tally: Tally) -> None:
    """Read the input and the three outputs from their beginning into the tally, until cancelled."""
    topics = (settings.input_topic, settings.output_topic, settings.fallback_topic, settings.dead_letter_topic)
    consumer = AIOKafkaConsumer(**connection(settings), auto_offset_reset="earliest", enable_auto_commit=False)
    await consumer.start()
    try:
        assigned = [TopicPartition(topic, number) for topic in topics for number in range(partitions)]
        consumer.assign(assigned)
        await consumer.seek_to_beginning(*assigned)
        while True:
            for where, records in (await consumer.getmany(timeout_ms=100)).items():
                for record in records:
                    _note(settings, where.topic, record, tally)
    finally:
        await consumer.stop()


def _note(settings: Settings, topic: str, record: ConsumerRecord, tally: Tally) -> None:
    at = record.timestamp / 1000
    if topic == settings.input_topic:
        tally.read((record.partition, record.offset), _text(record), at)
    elif topic == settings.output_topic:
        event = IntentEvent.read(record.value)
        place = (event.source.partition, event.source.offset)
        tally.answer(place, Answer("accepted", event.intent, event.confidence, None, at))
    elif topic == settings.fallback_topic:
        refused = FallbackEvent.read(record.value)
        place = (refused.source.partition, refused.source.offset)
        tally.answer(place, Answer("fallback", refused.intent, refused.confidence, refused.reason, at))
    else:
        headers = dict(record.headers)
        origin: Place = (int(headers["dlq.partition"]), int(headers["dlq.offset"]))
        tally.answer(origin, Answer("dead letter", "(dead letter)", None, headers["dlq.error"].decode(), at))


def _text(record: ConsumerRecord) -> str:
    message = decode(record.value, Source(record.topic, record.partition, record.offset), SHAPE)
    if isinstance(message, CustomerMessage):
        return message.text
    return "(null)" if record.value is None else record.value.decode(errors="replace") or "(empty)"
