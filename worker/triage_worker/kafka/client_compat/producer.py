"""Stops aiokafka's producers at once, without waiting for what they cannot deliver, and sets their queue's time-out."""

import asyncio

from aiokafka import AIOKafkaClient, AIOKafkaProducer
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


async def abandon(producer: AIOKafkaProducer, wait_s: float | None = None) -> None:
    """Stop a producer without waiting for what it could not deliver.

    Args:
        producer: started or not.
        wait_s: how long requests that are on their way may take to end; unset: `CLOSE_TIMEOUT_S`.
    """
    # Its sender must end first: aiokafka breaks where batches fail while they are being sent, or queued again.
    halt(producer)
    sender = producer._sender.sender_task
    if sender is not None and not await _ended(sender, wait_s):
        await _close_client(producer.client)  # ends the requests that it waits for
        await _ended(sender)
    _fail_waiting(producer)
    producer._message_accumulator.fail_all(ProducerClosed())
    await _stop(producer)


async def _stop(producer: AIOKafkaProducer) -> None:
    """Stop a producer that has nothing left to send."""
    # In a task of its own: if the sender still hangs, `stop` raises a cancellation that nobody asked for.
    stopping = asyncio.create_task(producer.stop())
    try:
        await _ended(stopping)
    finally:
        stopping.cancel()  # without effect if it has ended
    await _ended(stopping)
    error = None if stopping.cancelled() else stopping.exception()
    if error is not None and not isinstance(error, KafkaError):
        raise error
    if stopping.cancelled() or error is not None:
        await producer.client.close()


async def _close_client(client: AIOKafkaClient) -> None:
    """Close a client and end the metadata update that the sender may wait for; aiokafka leaves it open for ever."""
    await client.close()
    update = client._md_update_fut
    if update is not None and not update.done():
        update.set_result(False)


def _fail_waiting(producer: AIOKafkaProducer) -> None:
    """Fail the batches that no request carries."""
    accumulator = producer._message_accumulator
    waiting = [batch for batches in accumulator._batches.values() for batch in batches]
    accumulator._batches.clear()
    accumulator._pending_batches.update(waiting)  # those that were sent before remove themselves from there
    for batch in waiting:
        batch.failure(ProducerClosed())


async def _ended(task: "asyncio.Task[None]", wait_s: float | None = None) -> bool:
    """Wait until a task has ended, however it did; False if that takes longer than `CLOSE_TIMEOUT_S`, or ``wait_s``."""
    done, _ = await asyncio.wait([task], timeout=CLOSE_TIMEOUT_S if wait_s is None else wait_s)
    return bool(done)
