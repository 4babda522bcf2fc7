"""Sends outputs, and decides what to send after the broker refused some of them."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError, RecordListTooLargeError

from triage_worker.kafka.records import source_of
from triage_worker.kafka.sending import send_record
from triage_worker.resilience.backoff import FixedDelays
from triage_worker.streaming.tracking.dead_letters import DeadLetters
from triage_worker.streaming.tracking.output import Output

log = logging.getLogger(__name__)

RETRY = FixedDelays((0.1, 0.5, 1.0, 2.0, 5.0))
"""How long a delivery waits before it tries again, by how often it has failed in a row."""

REFUSALS = (MessageSizeTooLargeError, RecordListTooLargeError)
"""Errors about the record itself: sending it again cannot succeed."""


async def send_output(producer: AIOKafkaProducer, output: Output) -> "asyncio.Future[Any]":
    """Hand an output to a producer; the future ends when the broker has it, and its companion if it has one.

    If there is nothing to publish, the future ends at once: the output keeps its turn among those of its partition.

    Raises:
        KafkaError: it could not be handed over.
    """
    if output.topic is None:
        nothing: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        nothing.set_result(None)
        return nothing
    future = await send_record(
        producer, output.topic, key=output.key, value=output.value, headers=output.headers, spread=output.offset
    )
    companion = output.companion
    if companion is None:
        return future
    second = await send_record(
        producer, companion.topic, key=companion.key, value=companion.value, headers=companion.headers
    )
    both: asyncio.Future[Any] = asyncio.gather(future, second)
    return both


class Resend(NamedTuple):
    """What to send next: the outputs in order, and how many of them must be sent one at a time."""

    outputs: list[Output]
    singly: int


def resend_after_refusal(
    unacknowledged: Sequence[Output], refused: Sequence[Output], singly: int, dead_letters: DeadLetters
) -> Resend:
    """Decide what to send after an error.

    The broker refuses a whole batch for one record, so if several outputs were refused, all are sent again one at a
    time to find out which are at fault. A single refused output is replaced by its dead letter.

    Args:
        unacknowledged: what was sent or waits to be sent, and is not acknowledged, in order.
        refused: those of them that the broker refused.
        singly: how many of them were to be sent one at a time already.
        dead_letters: makes the replacement.
    """
    if len(refused) > 1:
        return Resend(list(unacknowledged), len(unacknowledged))
    replacement = dead_letters.replacement(refused[0]) if refused else None
    if refused and replacement is None:
        log.error("The broker refuses even an empty dead letter", extra=source_of(refused[0].record)._asdict())
    if replacement is None:
        return Resend(list(unacknowledged), singly)
    return Resend([replacement if output is refused[0] else output for output in unacknowledged], singly)
