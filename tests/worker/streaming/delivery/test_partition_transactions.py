"""The transactions of one partition on a broker that only remembers: what is committed is whole, in order, and once."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiokafka.errors import KafkaConnectionError, ProducerFenced, TransactionalIdAuthorizationFailed
from aiokafka.structs import TopicPartition
from triage_worker.config.errors import ConfigError
from triage_worker.resilience.backoff import FixedDelays
from triage_worker.streaming.delivery import exactly_once, partition_transactions

from tests.worker.streaming.delivery.fakes import SOURCE, Bench, Producer, until


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partition_transactions, "RETRY", FixedDelays((0.01,)))
    monkeypatch.setattr(exactly_once, "CHECK_S", 0.01)
    monkeypatch.setattr(partition_transactions, "abandon", Producer.close)


@pytest.fixture(params=[False, True], ids=["refused by the broker", "refused by the client"])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    made = Bench(early=request.param)
    made.assign()
    yield made
    await made.close()
    assert made.broker.open == 0


async def test_outputs_and_their_offset_are_committed_together(bench: Bench) -> None:
    await bench.publish(b"a", b"b")
    await bench.publish(b"c")
    assert bench.delivery.outstanding == 3
    await bench.flush()
    assert bench.broker.transactions == [3]
    assert (bench.broker.records, bench.broker.offset) == ([("out", b"a"), ("out", b"b"), ("out", b"c")], 3)
    assert bench.acknowledged == [0, 1, 2]
    assert (bench.delivery.problem, bench.delivery.waiting_s) == (None, 0)


async def test_what_is_refused_is_a_dead_letter_in_its_place(bench: Bench) -> None:
    await bench.publish(b"a", b"much too large", b"c")
    await bench.flush()
    assert bench.broker.records == [("out", b"a"), ("dlq", b"{}"), ("out", b"c")]
    assert bench.broker.offset == 3
    assert bench.acknowledged == [0, 1, 2]


async def test_several_that_are_refused_are_found_one_by_one_and_the_others_go_out(bench: Bench) -> None:
    await bench.publish(b"a", b"much too large", b"c", b"too large as well", b"e")
    await bench.flush()
    letter = ("dlq", b"{}")
    assert bench.broker.records == [("out", b"a"), letter, ("out", b"c"), letter, ("out", b"e")]
    assert bench.acknowledged == [0, 1, 2, 3, 4]
    await bench.publish(b"f", b"g")
    await bench.flush()
    assert bench.broker.transactions[-1] == 2  # together again


async def test_a_transaction_that_fails_is_read_again_from_the_committed_offset(bench: Bench) -> None:
    await bench.publish(b"a")
    await bench.flush()
    bench.broker.fails = [KafkaConnectionError("gone")]
    before = bench.in_flight.offsets[SOURCE]
    await bench.publish(b"b", b"c")
    await until(lambda: bench.delivery.problem is not None)
    assert "gone" in str(bench.delivery.problem)
    assert not bench.client.reads
    bench.publish_now(b"d")
    assert bench.delivery.waiting_s > 0
    await bench.resumed()
    assert bench.client.position == 1
    assert not before.active
    assert bench.delivery.outstanding == 0
    await bench.publish(b"b", b"c")
    await bench.flush()
    assert bench.broker.records == [("out", b"a"), ("out", b"b"), ("out", b"c")]
    assert bench.delivery.problem is None
    found = bench.in_flight.offsets.counts()
    assert (found.read, found.accepted, found.given_back) == (6, 3, 3)
    assert bench.metrics.registry.get_sample_value("triage_messages_given_back_total") == 3
    assert found.balanced


async def test_a_record_that_fails_fails_its_transaction(bench: Bench) -> None:
    bench.broker.fails_batches = [KafkaConnectionError("gone")]
    await bench.publish(b"a", b"b")
    await until(lambda: bench.delivery.problem is not None)
    assert (bench.broker.transactions, bench.broker.offset) == ([], None)
    await bench.publish(b"a", b"b")
    await bench.flush()
    assert (bench.broker.records, bench.broker.offset) == ([("out", b"a"), ("out", b"b")], 2)


async def test_it_begins_where_the_partitions_last_owner_ended(bench: Bench) -> None:
    await bench.revoke()
    bench.broker.offset = 5
    bench.assign()
    assert not bench.client.reads
    await bench.publish(b"a")
    await bench.flush()
    assert (bench.acknowledged, bench.broker.offset) == ([5], 6)


async def test_it_waits_as_long_as_it_cannot_begin_anew(bench: Bench) -> None:
    await bench.resumed()
    bench.broker.refuses_start = KafkaConnectionError("still gone")
    bench.broker.fails = [KafkaConnectionError("gone")]
    await bench.publish(b"a")
    await until(lambda: "still gone" in str(bench.delivery.problem))
    assert bench.delivery.outstanding == 0
    assert bench.delivery.waiting_s > 0
    bench.broker.refuses_start = None
    await bench.resumed()
    assert bench.delivery.waiting_s == 0


async def test_answers_to_a_topic_that_was_deleted_are_not_committed_to_the_new_one(bench: Bench) -> None:
    await bench.publish(b"a", b"b")
    bench.client.position = 0
    await bench.publish(b"c")
    await bench.flush()
    assert (bench.broker.records, bench.broker.offset) == ([("out", b"c")], 1)


async def test_where_nothing_was_ever_committed_it_is_read_again_from_where_it_began(bench: Bench) -> None:
    bench.client.position = 7
    bench.broker.fails = [ProducerFenced("another has it")]
    await bench.publish(b"a", b"b")
    await until(lambda: bench.client.position == 7)
    await bench.publish(b"a", b"b")
    await bench.flush()
    assert (bench.broker.records, bench.broker.offset) == ([("out", b"a"), ("out", b"b")], 9)


async def test_what_is_revoked_is_neither_published_nor_acknowledged(bench: Bench) -> None:
    await bench.publish(b"a")
    await bench.revoke()
    assert (bench.broker.records, bench.acknowledged) == ([], [])
    assert bench.delivery.outstanding == 0


async def test_a_trouble_of_long_ago_is_not_the_one_that_is_waited_for_now(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_000.0
    monkeypatch.setattr(partition_transactions, "monotonic", lambda: now)
    bench.broker.fails = [KafkaConnectionError("gone")]
    await bench.publish(b"a")
    await until(lambda: bench.delivery.problem is not None)
    await bench.resumed()
    now += partition_transactions.UNRELATED_AFTER_S + 1
    bench.publish_now(b"a")
    assert bench.delivery.waiting_s == 0


async def test_who_leaves_does_not_wait_for_more_to_collect() -> None:
    bench = Bench(interval_s=60)
    bench.assign()
    await bench.publish(b"a")
    await bench.flush()
    assert bench.acknowledged == [0]
    await bench.revoke()


async def test_a_right_that_is_missing_from_the_start_ends_it(bench: Bench) -> None:
    bench.broker.refuses_start = TransactionalIdAuthorizationFailed("triage-group-in-0")
    await bench.revoke()
    bench.assign()
    with pytest.raises(ConfigError, match="transactional id triage-group-in-0"):
        async with asyncio.timeout(10):
            await bench.running


async def test_a_right_that_is_taken_away_later_is_waited_for(bench: Bench) -> None:
    await bench.publish(b"a")
    await bench.flush()
    await asyncio.sleep(5 * exactly_once.CHECK_S)  # it has looked
    bench.broker.refuses_start = TransactionalIdAuthorizationFailed("triage-group-in-0")
    bench.broker.fails = [TransactionalIdAuthorizationFailed("triage-group-in-0")]
    await bench.publish(b"b")
    await until(lambda: "grant it" in str(bench.delivery.problem))
    await asyncio.sleep(5 * exactly_once.CHECK_S)
    assert not bench.running.done()


async def test_what_nobody_expected_ends_it(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(partition: TopicPartition) -> int:
        raise RuntimeError("broken")

    await bench.revoke()
    monkeypatch.setattr(bench.client, "committed", broken)
    bench.assign()
    with pytest.raises(RuntimeError, match="broken"):
        async with asyncio.timeout(10):
            await bench.running


async def test_skipped_records_are_committed_without_a_record(bench: Bench) -> None:
    await bench.resumed()
    bench.skip()
    await bench.flush()
    assert (bench.broker.records, bench.broker.offset, bench.broker.transactions) == ([], 1, [0])
    await bench.publish(b"a")
    bench.skip()
    await bench.flush()
    assert (bench.broker.records, bench.broker.offset) == ([("out", b"a")], 3)
    assert bench.in_flight.offsets.counts().skipped == 2
