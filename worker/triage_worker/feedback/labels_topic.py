"""Answers from the topic `customer.labels`: read from its beginning to what was its end, outside any group."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord
from pydantic import ValidationError
from triage_models.feedback.answers import Answer
from triage_schemas.events import LabelEvent

from triage_worker.config.errors import TriageError
from triage_worker.config.settings import Settings
from triage_worker.kafka.authorization import describe_error
from triage_worker.kafka.connection import check_connection
from triage_worker.kafka.topic_reader import open_reader, read_topic


@dataclass
class Gathered:
    """Answers, oldest first, and how many records were no labels."""

    answers: list[Answer] = field(default_factory=list)
    unreadable: int = 0


async def gather(settings: Settings, progress: Callable[[int], None]) -> Gathered:
    """Read the answers of people and LLMs; nothing is written, and no offset is committed.

    Args:
        settings: where.
        progress: is called with how many records were read so far.

    Raises:
        TriageError: the cluster cannot be reached, or the topic is missing or empty; says what to do.
    """
    await check_connection(settings)
    read: list[tuple[datetime, Answer]] = []
    found, records = Gathered(), 0
    try:
        async with open_reader(settings) as consumer:
            async for some in read_topic(consumer, settings.labels_topic):
                labels = [label for record in some if (label := _label(record)) is not None]
                read.extend((label.labelled_at, _answer(label)) for label in labels)
                found.unreadable += len(some) - len(labels)
                records += len(some)
                progress(records)
    except KafkaError as error:
        raise TriageError(f"{settings.labels_topic} could not be read ({describe_error(error)}): try again.") from error
    if not records:
        raise TriageError(
            f"There is nothing on {settings.labels_topic}: `triage review` and `triage fallback` write there; "
            "TRIAGE_LABELS_TOPIC names another topic, and --labels a file."
        )
    read.sort(key=lambda one: one[0])  # partitions come in any order, and a person's last answer counts
    found.answers = [answer for _, answer in read]
    return found


def _label(record: ConsumerRecord) -> LabelEvent | None:
    try:
        return LabelEvent.read(record.value or b"")
    except ValidationError:
        return None


def _answer(event: LabelEvent) -> Answer:
    return Answer(event.text, event.label, event.decided_by, event.message_id, event.conversation_id)
