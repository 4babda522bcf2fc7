"""Stops aiokafka's producers at once, without waiting for what they cannot deliver, and sets their queue's time-out."""

import asyncio

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, ProducerClosed

CLOSE_TIMEOUT_S = 5.0


def set_hand_over_timeout(producer: AIOKafkaProducer, timeout_ms: int) -> None:
    """Set how long `send` waits for room in a full queue; aiokafka only offers the request time-out for both.

    Args:
        producer: not started; one that has a request time-out of its own already.
        timeout_ms: the longest wait, in milliseconds.
    """
    producer._request_timeout_ms = timeout_ms


def halt(producer: AIOKafkaProducer) -> None:
    """Make a producer send nothing more; requests already on their way may still arrive."""
    sender = producer._sender.sender_task
    if sender is not None and not sender.cancelling():  # a second time would cut off the requests on their way
        sender.cancel()
        _fail_waiting(producer)


async def abandon(producer: AIOKafkaProducer) -> None:
    """Stop a producer without waiting for what it could not deliver."""
    # Its sender must end first: aiokafka breaks where batches fail while they are being sent, or put back in line.
    halt(producer)
    sender = producer._sender.sender_task
    if sender is not None and not await _ended(sender):
        await producer.client.close()  # ends the requests that it waits for
        await _ended(sender)
    _fail_waiting(producer)
    producer._message_accumulator.fail_all(ProducerClosed())
    try:
        async with asyncio.timeout(CLOSE_TIMEOUT_S):
            await producer.stop()
    except (KafkaError, TimeoutError):
        await producer.client.close()


def _fail_waiting(producer: AIOKafkaProducer) -> None:
    """Fail the batches that no request carries."""
    accumulator = producer._message_accumulator
    waiting = [batch for batches in accumulator._batches.values() for batch in batches]
    accumulator._batches.clear()
    accumulator._pending_batches.update(waiting)  # those that were sent before remove themselves from there
    for batch in waiting:
        batch.failure(ProducerClosed())


async def _ended(task: "asyncio.Task[None]") -> bool:
    done, _ = await asyncio.wait([task], timeout=CLOSE_TIMEOUT_S)
    return bool(done)
