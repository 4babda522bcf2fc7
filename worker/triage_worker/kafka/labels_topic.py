"""Reads the topic `customer.labels` from its beginning to its present end, without a consumer group."""

from collections.abc import Callable
from dataclasses import dataclass, field

from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord, TopicPartition
from pydantic import ValidationError
from triage_schemas.events import LabelEvent

from triage_worker.config.errors import TriageError
from triage_worker.config.settings import Settings
from triage_worker.kafka.authorization import describe_error
from triage_worker.kafka.event_reader import EventReader, opened_reader
from triage_worker.kafka.record_order import Placed, in_order
from triage_worker.kafka.topic_reader import open_reader, read_topic
from triage_worker.kafka.topics import require


@dataclass
class TopicLabels:
    """The content of the topic.

    Attributes:
        labels: those of people and LLMs, oldest first.
        unreadable: the number of records that are not valid labels.
    """

    labels: list[LabelEvent] = field(default_factory=list)
    unreadable: int = 0


async def read_labels_topic(settings: Settings, on_progress: Callable[[int], None]) -> TopicLabels:
    """Read the labels of people and LLMs. Nothing is written, and no offset is committed.

    Args:
        settings: the cluster, and the name of the topic.
        on_progress: called with the number of records read so far.

    Raises:
        TriageError: the cluster cannot be reached, or the topic is missing or empty; says what to do.
    """
    await require(settings, {"labels_topic": "Read"})
    result, records = TopicLabels(), 0
    found: list[Placed[LabelEvent]] = []
    try:
        async with open_reader(settings) as consumer, opened_reader(settings, strict=True) as reader:
            async for batch in read_topic(consumer, settings.labels_topic):
                await reader.load(batch)
                labels = [label for record in batch if (label := read_label(record, reader)) is not None]
                found += labels
                result.unreadable += len(batch) - len(labels)
                records += len(batch)
                on_progress(records)
    except KafkaError as error:
        raise TriageError(f"{settings.labels_topic} could not be read ({describe_error(error)}): try again.") from error
    if not records:
        raise TriageError(
            f"There is nothing on {settings.labels_topic}: `triage review` and `triage fallback` write to it. Set "
            "TRIAGE_LABELS_TOPIC to read another topic, or give --labels to read a file."
        )
    result.labels = [one.event for one in in_order(found)]  # partitions are read in any order
    return result


def read_label(record: ConsumerRecord, reader: EventReader) -> Placed[LabelEvent] | None:
    """Return the label in a record, whose schema was loaded, with its place; None if there is no valid one."""
    try:
        label = reader.read(LabelEvent, record)
    except ValidationError:
        return None
    return Placed(label, TopicPartition(record.topic, record.partition), record.offset, label.labelled_at)
