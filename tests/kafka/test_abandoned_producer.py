"""Abandoning a producer at any moment of its work ends it, without an error inside aiokafka."""

import asyncio
import gc
import logging
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from triage_worker.kafka.client_compat.producer import abandon

from tests.kafka.harness import KafkaHarness

pytestmark = pytest.mark.kafka

RECORDS = 400


@pytest.mark.parametrize("refused", [False, True], ids=["taken", "refused"])
@pytest.mark.parametrize("transactional", [False, True], ids=["idempotent", "transactional"])
async def test_an_abandoned_producer_leaves_no_task_and_no_error(
    harness: KafkaHarness, caplog: pytest.LogCaptureFixture, transactional: bool, refused: bool
) -> None:
    gc.collect()  # otherwise futures of earlier tests are logged within this test
    caplog.clear()
    caplog.set_level(logging.ERROR)
    unexpected: list[dict[str, Any]] = []

    def on_error(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if not isinstance(context.get("exception"), KafkaError):
            unexpected.append(context)

    asyncio.get_running_loop().set_exception_handler(on_error)
    await harness.create_topics(output={"max.message.bytes": "900" if refused else "100000"})
    for turn in range(20):
        producer = AIOKafkaProducer(
            bootstrap_servers=harness.bootstrap,
            enable_idempotence=True,
            transactional_id=harness.group if transactional else None,
            max_batch_size=1_000,
        )
        await producer.start()
        if transactional:
            await producer.begin_transaction()
        sending = asyncio.create_task(_send(producer, harness.output))
        await asyncio.sleep(turn / 1_000)
        sending.cancel()
        await asyncio.wait([sending])
        await abandon(producer)
        assert all(task is asyncio.current_task() for task in asyncio.all_tasks())
    assert unexpected == []
    assert caplog.records == []


async def _send(producer: AIOKafkaProducer, topic: str) -> None:
    for number in range(RECORDS):
        await producer.send(topic, value=b"v" * 100, key=str(number).encode())
