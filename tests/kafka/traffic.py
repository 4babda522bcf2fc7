"""Sends messages at a constant rate while a test does something else."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiokafka import AIOKafkaProducer
from aiokafka.structs import RecordMetadata

from tests.kafka.harness import KafkaHarness, Message
from tests.kafka.message_outcomes import Position
from tests.kafka.processes import eventually


@dataclass
class Traffic:
    """The messages that were sent.

    Attributes:
        futures: one for each message.
        positions: of the messages that the broker acknowledged; set when the traffic has ended.
    """

    futures: "list[asyncio.Future[RecordMetadata]]" = field(default_factory=list)
    positions: list[Position] = field(default_factory=list)

    async def wait_for_more(self, count: int, timeout_s: float) -> None:
        """Wait until some more messages were sent."""
        enough = len(self.futures) + count

        async def sent() -> bool:
            return len(self.futures) >= enough

        await eventually(sent, timeout_s)


@asynccontextmanager
async def constant_traffic(
    harness: KafkaHarness, messages: Iterable[Message], per_second: float, *, failures_allowed: bool = False
) -> AsyncIterator[Traffic]:
    """Send messages to the input topic within the context.

    Args:
        harness: the topics.
        messages: more than are sent within the context.
        per_second: the rate.
        failures_allowed: whether the broker may refuse messages; they are left out then.
    """
    traffic = Traffic()
    ended = asyncio.Event()
    sending = asyncio.create_task(_send(harness, messages, per_second, traffic, ended, failures_allowed))
    try:
        yield traffic
    finally:
        ended.set()
        await sending


async def _send(
    harness: KafkaHarness,
    messages: Iterable[Message],
    per_second: float,
    traffic: Traffic,
    ended: asyncio.Event,
    failures_allowed: bool,
) -> None:
    # An idempotent producer does not give up on messages while the broker is away.
    async with AIOKafkaProducer(bootstrap_servers=harness.bootstrap, enable_idempotence=True) as producer:
        for key, value in messages:
            if ended.is_set():
                break
            traffic.futures.append(await producer.send(harness.input, value=value, key=key))
            await asyncio.sleep(1 / per_second)
        results = await asyncio.gather(*traffic.futures, return_exceptions=failures_allowed)
    traffic.positions += [(sent.partition, sent.offset) for sent in results if isinstance(sent, RecordMetadata)]
