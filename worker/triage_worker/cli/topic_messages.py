"""Reads the last messages of a topic, or those since a time, for a command; decodes them like the worker."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from aiokafka.errors import KafkaError
from prometheus_client import CollectorRegistry
from triage_schemas.input.decoder import decode
from triage_schemas.input.framed_values import frame_of
from triage_schemas.messages.message import CustomerMessage

from triage_worker.classify.message_sources import shape_of
from triage_worker.config.errors import TriageError
from triage_worker.config.settings import Settings
from triage_worker.kafka.authorization import describe_error
from triage_worker.kafka.connection import check_connection
from triage_worker.kafka.records import source_of
from triage_worker.kafka.schema_cache import opened_schemas
from triage_worker.kafka.topic_reader import offsets_of_last, offsets_since, open_reader, read_topic


@dataclass(frozen=True, slots=True)
class Period:
    """What to read of a topic.

    Attributes:
        last: about so many of the last records.
        since: records that are not older than this; replaces ``last``.
    """

    last: int
    since: datetime | None = None


async def read_messages(
    settings: Settings,
    topic: str,
    period: Period,
    on_message: Callable[[CustomerMessage], None],
    on_progress: Callable[[int], None] = lambda records: None,
) -> int:
    """Read messages without a consumer group. Nothing is written, and no offset is committed.

    Args:
        settings: the cluster, and the format of the messages.
        topic: its name.
        period: what to read of it.
        on_message: called with each message.
        on_progress: called with the number of records just read.

    Returns:
        How many records are no message: those that the worker would skip or send to the dead letters.

    Raises:
        TriageError: the cluster cannot be reached, or there is nothing to read; says what to do.
    """
    await check_connection(settings)
    shape = shape_of(settings, topic)
    records = without_text = 0
    try:
        async with open_reader(settings) as consumer, opened_schemas(settings, CollectorRegistry()) as schemas:
            if period.since is None:
                starts = await offsets_of_last(consumer, topic, period.last)
            else:
                starts = await offsets_since(consumer, topic, period.since)
            async for batch in read_topic(consumer, topic, starts):
                if schemas is not None:
                    frames = [frame_of(record.value, record.headers, shape) for record in batch]
                    await schemas.load(frame.schema_id for frame in frames if frame is not None)
                for record in batch:
                    message = decode(record.value, source_of(record), shape, record.headers, schemas, record.key)
                    if isinstance(message, CustomerMessage):
                        on_message(message)
                    else:
                        without_text += 1
                records += len(batch)
                on_progress(len(batch))
    except KafkaError as error:
        raise TriageError(f"{topic} could not be read ({describe_error(error)}): try again.") from error
    if not records:
        when = "" if period.since is None else f" since {period.since.isoformat()}"
        raise TriageError(f"There is nothing on the topic {topic}{when}: check its name and TRIAGE_BOOTSTRAP_SERVERS.")
    if without_text == records:
        raise TriageError(
            f"None of the {records:,} records on {topic} is a message: check TRIAGE_INPUT_FORMAT and TRIAGE_TEXT_FIELD."
        )
    return without_text
