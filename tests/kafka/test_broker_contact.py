"""The contact with a cluster of three brokers: one that is frozen does not hide that the others answer."""

import asyncio
import signal
from collections.abc import AsyncIterator, Sequence
from time import monotonic

import pytest
from triage_worker.config.settings import Settings
from triage_worker.kafka.broker_contact import ASK_S, SILENT_AFTER_S, BrokerContact

from tests.kafka.broker import Broker
from tests.kafka.processes import eventually

pytestmark = pytest.mark.kafka

FROZEN_S = 20.0
"""Longer than the request time-out of a client, which the contact once waited for."""


@pytest.fixture
async def contact(brokers: Sequence[Broker]) -> AsyncIterator[BrokerContact]:
    """The contact of a client that knows the first broker, and learns of the others."""
    contact = BrokerContact(Settings.load(bootstrap_servers=brokers[0].bootstrap))
    running = asyncio.create_task(contact.run())
    try:
        await asyncio.sleep(2 * ASK_S)
        yield contact
    finally:
        running.cancel()
        for broker in brokers:
            broker.signal(signal.SIGCONT)
        await asyncio.gather(running, return_exceptions=True)
        await asyncio.sleep(0.1)  # the connections close


async def test_each_broker_may_be_frozen(contact: BrokerContact, brokers: Sequence[Broker]) -> None:
    problems = set()
    for broker in brokers:
        broker.signal(signal.SIGSTOP)
        frozen_at = monotonic()
        while monotonic() < frozen_at + FROZEN_S:
            await asyncio.sleep(0.1)
            problems.add(contact.problem)
        broker.signal(signal.SIGCONT)
        await asyncio.sleep(2 * ASK_S)
    assert problems == {None}


async def test_without_any_broker_there_is_a_problem_and_one_is_enough_to_end_it(
    contact: BrokerContact, brokers: Sequence[Broker]
) -> None:
    async def silent() -> bool:
        return "hangs" in (contact.problem or "")

    async def answered() -> bool:
        return contact.problem is None

    for broker in brokers:
        broker.signal(signal.SIGSTOP)
    await eventually(silent, SILENT_AFTER_S + 30, lambda: str(contact.problem))
    brokers[-1].signal(signal.SIGCONT)
    await eventually(answered, 15, lambda: str(contact.problem))
