"""Members of the group with names that stay, names that two have, and pauses longer than the poll interval."""

import asyncio
import re
import signal

import pytest

from tests.kafka.harness import Bench, message
from tests.kafka.processes import Worker, eventually
from tests.kafka.test_broker_faults import conversation

pytestmark = pytest.mark.kafka


async def test_a_static_member_that_restarts_moves_no_partition(bench: Bench) -> None:
    await bench.create_topics(partitions=4)
    stays = bench.worker(group_instance_id="pod-0", session_timeout_ms="30000")
    await stays.has_said("Partitions assigned", 60)
    leaves = bench.worker(group_instance_id="pod-1", session_timeout_ms="30000")
    await leaves.has_said("Partitions assigned", 60)
    await stays.has_said("Partitions revoked", 60)

    async def shared() -> bool:
        return len(_assignments(stays)[-1]) == 2

    await eventually(shared, 60, stays.said)
    assignments = _assignments(stays)
    assert await leaves.terminate() == 0, leaves.said()
    sent = await bench.produce([(f"k{number}".encode(), message("aa")) for number in range(100)])
    back = bench.worker(group_instance_id="pod-1", session_timeout_ms="30000")
    await bench.answered(90)
    assert _assignments(stays) == assignments
    assert _assignments(back) == [_assignments(leaves)[-1]]
    assert await back.terminate() == 0, back.said()
    assert await stays.terminate() == 0, stays.said()
    account = await bench.account()
    assert account.lost(sent) == account.doubled() == []


def _assignments(worker: Worker) -> list[list[str]]:
    return [
        found.replace(" ", "").split(",") for found in re.findall(r"assigned partitions=\[([\d, ]*)\]", worker.said())
    ]


@pytest.mark.torture
@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
async def test_two_workers_of_one_name(bench: Bench, delivery: str) -> None:
    """A mistake in a deployment: the broker knows one of them at a time, and nothing is lost by it."""
    await bench.create_topics(partitions=4)
    two = [bench.worker(delivery=delivery, group_instance_id="pod-0") for _ in range(2)]
    for worker in two:
        await worker.has_said("Partitions assigned", 60)
    sent = await bench.produce(conversation(2_000))
    await bench.kept_their_word(two, sent, delivery)


@pytest.mark.torture
@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
async def test_frozen_for_longer_than_its_poll_interval_but_not_its_session(bench: Bench, delivery: str) -> None:
    await bench.create_topics(partitions=4)
    sent = await bench.produce(conversation(3_000))
    times = {"session_timeout_ms": "20000", "max_poll_interval_ms": "2000"}
    two = [bench.worker(delivery=delivery, FAKE_DELAY_S="0.05", batch_tokens="512", **times) for _ in range(2)]
    for worker in two:
        await worker.has_said("Partitions assigned", 60)
    two[0].signal(signal.SIGSTOP)
    await asyncio.sleep(6)
    two[0].signal(signal.SIGCONT)
    await bench.kept_their_word(two, sent, delivery, 90)
