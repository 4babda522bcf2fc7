"""Members of the consumer group: static members, two members with one name, and a member that does not poll."""

import asyncio
import re
import signal

import pytest

from tests.kafka.harness import KafkaHarness, message
from tests.kafka.processes import ServiceProcess, eventually
from tests.kafka.test_broker_faults import accepted_messages

pytestmark = pytest.mark.kafka


async def test_a_static_member_that_restarts_moves_no_partition(harness: KafkaHarness) -> None:
    await harness.create_topics(partitions=4)
    stays = await harness.join(group_instance_id="pod-0", session_timeout_ms="30000")
    leaves = await harness.join(group_instance_id="pod-1", session_timeout_ms="30000")

    async def shared() -> bool:
        return [len(_assignments(worker)[-1]) for worker in (stays, leaves)] == [2, 2]

    await eventually(shared, 60, stays.log_text)
    kept, revocations = _assignments(stays)[-1], stays.log_text().count("Partitions revoked")
    assert await leaves.terminate() == 0, leaves.log_text()
    sent = await harness.produce([(f"k{number}".encode(), message("aa")) for number in range(100)])
    returns = harness.start(group_instance_id="pod-1", session_timeout_ms="30000")
    await harness.wait_until_committed(90)
    assert _assignments(stays)[-1] == kept
    assert stays.log_text().count("Partitions revoked") == revocations
    assert _assignments(returns) == [_assignments(leaves)[-1]]
    await harness.verify_delivery([returns, stays], sent)


def _assignments(worker: ServiceProcess) -> list[list[str]]:
    """Return the partitions of each assignment that a worker logged."""
    found = re.findall(r"assigned partitions=\[([\d, ]*)\]", worker.log_text())
    return [re.findall(r"\d+", partitions) for partitions in found]


@pytest.mark.torture
@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
async def test_two_workers_with_one_instance_id_lose_nothing(harness: KafkaHarness, delivery: str) -> None:
    """This is a mistake in a deployment: only one of them is a member at a time."""
    await harness.create_topics(partitions=4)
    workers = [harness.start(delivery=delivery, group_instance_id="pod-0") for _ in range(2)]
    for worker in workers:
        await worker.wait_for_log("Partitions assigned", 60)
    sent = await harness.produce(accepted_messages(2_000))
    await harness.verify_delivery(workers, sent, repeats_allowed=delivery == "at_least_once")


@pytest.mark.torture
@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
async def test_a_worker_frozen_for_longer_than_its_poll_interval_but_not_its_session_loses_nothing(
    harness: KafkaHarness, delivery: str
) -> None:
    await harness.create_topics(partitions=4)
    sent = await harness.produce(accepted_messages(3_000))
    time_outs = {"session_timeout_ms": "20000", "max_poll_interval_ms": "2000"}
    workers = [harness.start(delivery=delivery, FAKE_DELAY_S="0.05", batch_tokens="512", **time_outs) for _ in range(2)]
    for worker in workers:
        await worker.wait_for_log("Partitions assigned", 60)
    workers[0].signal(signal.SIGSTOP)
    await asyncio.sleep(6)
    workers[0].signal(signal.SIGCONT)
    await harness.verify_delivery(workers, sent, repeats_allowed=delivery == "at_least_once", timeout_s=90)
