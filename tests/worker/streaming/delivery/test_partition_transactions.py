"""The transactions of one partition on a fake broker: they are complete, in order, and committed once."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiokafka.errors import KafkaConnectionError, ProducerFenced, TransactionalIdAuthorizationFailed
from aiokafka.structs import TopicPartition
from triage_worker.config.errors import ConfigError
from triage_worker.resilience.backoff import FixedDelays
from triage_worker.streaming.delivery import exactly_once, partition_transactions

from tests.worker.fakes import record
from tests.worker.message_counts import is_balanced
from tests.worker.streaming.delivery.fakes import (
    SOURCE,
    FakeLastTransaction,
    FakeProducer,
    TransactionHarness,
    wait_for,
)


@pytest.fixture(autouse=True)
def short_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partition_transactions, "RETRY", FixedDelays((0.01,)))
    monkeypatch.setattr(exactly_once, "CHECK_S", 0.01)
    monkeypatch.setattr(partition_transactions, "abandon", FakeProducer.close)
    monkeypatch.setattr(partition_transactions, "LastTransaction", FakeLastTransaction)
    monkeypatch.setattr(FakeLastTransaction, "undecided", [])
    monkeypatch.setattr(FakeLastTransaction, "check_errors", [])


@pytest.fixture(params=[False, True], ids=["refused by the broker", "refused by the client"])
async def harness(request: pytest.FixtureRequest) -> AsyncIterator[TransactionHarness]:
    created = TransactionHarness(client_checks_size=request.param)
    created.assign()
    yield created
    await created.close()
    assert created.broker.open_producers == 0


async def test_outputs_and_their_offset_are_committed_together(harness: TransactionHarness) -> None:
    await harness.publish(b"a", b"b")
    await harness.publish(b"c")
    assert harness.delivery.outstanding == 3
    await harness.flush()
    assert harness.broker.transactions == [3]
    assert (harness.broker.records, harness.broker.offset) == ([("out", b"a"), ("out", b"b"), ("out", b"c")], 3)
    assert harness.acknowledged == [0, 1, 2]
    assert (harness.delivery.problem, harness.delivery.waiting_s) == (None, 0)


async def test_a_refused_output_is_replaced_by_a_dead_letter(harness: TransactionHarness) -> None:
    await harness.publish(b"a", b"much too large", b"c")
    await harness.flush()
    assert harness.broker.records == [("out", b"a"), ("dlq", b"{}"), ("out", b"c")]
    assert harness.broker.offset == 3
    assert harness.acknowledged == [0, 1, 2]


async def test_several_refused_outputs_are_found_and_the_others_are_published(harness: TransactionHarness) -> None:
    await harness.publish(b"a", b"much too large", b"c", b"too large as well", b"e")
    await harness.flush()
    dead_letter = ("dlq", b"{}")
    assert harness.broker.records == [("out", b"a"), dead_letter, ("out", b"c"), dead_letter, ("out", b"e")]
    assert harness.acknowledged == [0, 1, 2, 3, 4]
    await harness.publish(b"f", b"g")
    await harness.flush()
    assert harness.broker.transactions[-1] == 2, "outputs are not sent together again"


async def test_after_a_failed_transaction_the_partition_is_read_again_from_the_committed_offset(
    harness: TransactionHarness,
) -> None:
    await harness.publish(b"a")
    await harness.flush()
    harness.broker.commit_errors = [KafkaConnectionError("gone")]
    before = harness.in_flight.offsets[SOURCE]
    await harness.publish(b"b", b"c")
    await wait_for(lambda: harness.delivery.problem is not None)
    assert "gone" in str(harness.delivery.problem)
    assert harness.client.paused
    harness.publish_fetched(b"d")
    assert harness.delivery.waiting_s > 0
    await harness.wait_until_resumed()
    assert harness.client.position == 1
    assert not before.active
    assert harness.delivery.outstanding == 0
    await harness.publish(b"b", b"c")
    await harness.flush()
    assert harness.broker.records == [("out", b"a"), ("out", b"b"), ("out", b"c")]
    assert harness.delivery.problem is None
    counts = harness.in_flight.offsets.counts()
    assert (counts.read, counts.accepted, counts.returned) == (6, 3, 3)
    assert harness.metrics.registry.get_sample_value("triage_messages_given_back_total") == 3
    assert is_balanced(counts)


async def test_messages_are_read_again_if_their_transaction_was_undecided(harness: TransactionHarness) -> None:
    FakeLastTransaction.check_errors.append(KafkaConnectionError("aborted now"))
    await harness.publish(b"a")
    await wait_for(lambda: harness.delivery.problem is not None)
    await harness.publish(b"b")
    await harness.flush()
    assert harness.broker.offset == 2


async def test_a_replaced_producer_that_finds_something_undecided_starts_over(harness: TransactionHarness) -> None:
    await harness.wait_until_resumed()
    FakeLastTransaction.undecided += [True]
    await harness.publish(b"much too large", b"b")
    await wait_for(lambda: harness.delivery.problem is not None)
    assert "undecided" in str(harness.delivery.problem)
    await wait_for(lambda: harness.client.position == 0)
    await harness.wait_until_resumed()
    await harness.publish(b"a", b"b")
    await harness.flush()
    assert harness.broker.records == [("out", b"a"), ("out", b"b")]


async def test_a_record_that_fails_fails_its_transaction(harness: TransactionHarness) -> None:
    harness.broker.batch_errors = [KafkaConnectionError("gone")]
    await harness.publish(b"a", b"b")
    await wait_for(lambda: harness.delivery.problem is not None)
    assert (harness.broker.transactions, harness.broker.offset) == ([], None)
    await harness.publish(b"a", b"b")
    await harness.flush()
    assert (harness.broker.records, harness.broker.offset) == ([("out", b"a"), ("out", b"b")], 2)


async def test_an_idle_partition_commits_its_position_once(
    harness: TransactionHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partition_transactions, "IDLE_S", 0.01)
    await harness.publish(b"a")
    await harness.flush()
    await asyncio.sleep(0.05)
    assert harness.broker.transactions == [1], "there is nothing else to commit"
    harness.in_flight.offsets.reach({SOURCE: 3})  # behind two markers
    await wait_for(lambda: harness.broker.offset == 3)
    harness.client.position = 3
    await asyncio.sleep(0.05)
    assert harness.broker.transactions == [1, 0]
    await harness.publish(b"b")
    await harness.flush()
    assert harness.broker.offset == 4
    assert harness.broker.records == [("out", b"a"), ("out", b"b")]


async def test_a_position_that_is_committed_opens_no_transaction(
    harness: TransactionHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partition_transactions, "IDLE_S", 0.01)
    await harness.revoke()
    harness.broker.offset = 5
    harness.assign()
    await harness.wait_until_resumed()
    harness.in_flight.offsets.reach({SOURCE: 5})
    await asyncio.sleep(0.05)
    assert harness.broker.transactions == []


async def test_a_position_is_not_committed_before_the_messages_in_front_of_it(
    harness: TransactionHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partition_transactions, "IDLE_S", 0.01)
    await harness.wait_until_resumed()
    harness.in_flight.track(SOURCE, [record(SOURCE, 0, b"{}")])
    harness.in_flight.offsets.reach({SOURCE: 2})
    await asyncio.sleep(0.05)
    assert harness.broker.transactions == []


async def test_a_partition_is_read_from_its_previous_owners_offset(harness: TransactionHarness) -> None:
    await harness.revoke()
    harness.broker.offset = 5
    harness.assign()
    assert harness.client.paused
    await harness.publish(b"a")
    await harness.flush()
    assert (harness.acknowledged, harness.broker.offset) == ([5], 6)


async def test_a_partition_stays_paused_until_a_producer_can_start(harness: TransactionHarness) -> None:
    await harness.wait_until_resumed()
    harness.broker.start_error = KafkaConnectionError("still gone")
    harness.broker.commit_errors = [KafkaConnectionError("gone")]
    await harness.publish(b"a")
    await wait_for(lambda: "still gone" in str(harness.delivery.problem))
    assert harness.delivery.outstanding == 0
    assert harness.delivery.waiting_s > 0
    harness.broker.start_error = None
    await harness.wait_until_resumed()
    assert harness.delivery.waiting_s == 0


async def test_outputs_of_a_deleted_topic_are_not_committed_to_the_new_one(harness: TransactionHarness) -> None:
    await harness.publish(b"a", b"b")
    harness.client.position = 0
    await harness.publish(b"c")
    await harness.flush()
    assert (harness.broker.records, harness.broker.offset) == ([("out", b"c")], 1)


async def test_without_a_committed_offset_the_partition_is_read_again_from_where_it_began(
    harness: TransactionHarness,
) -> None:
    harness.client.position = 7
    harness.broker.commit_errors = [ProducerFenced("another producer has the id")]
    await harness.publish(b"a", b"b")
    await wait_for(lambda: harness.client.position == 7)
    await harness.publish(b"a", b"b")
    await harness.flush()
    assert (harness.broker.records, harness.broker.offset) == ([("out", b"a"), ("out", b"b")], 9)


async def test_outputs_of_a_revoked_partition_are_neither_published_nor_acknowledged(
    harness: TransactionHarness,
) -> None:
    await harness.publish(b"a")
    await harness.revoke()
    assert (harness.broker.records, harness.acknowledged) == ([], [])
    assert harness.delivery.outstanding == 0


async def test_an_old_failure_does_not_count_as_the_cause_of_a_new_wait(
    harness: TransactionHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_000.0
    monkeypatch.setattr(partition_transactions, "monotonic", lambda: now)
    harness.broker.commit_errors = [KafkaConnectionError("gone")]
    await harness.publish(b"a")
    await wait_for(lambda: harness.delivery.problem is not None)
    await harness.wait_until_resumed()
    now += partition_transactions.UNRELATED_AFTER_S + 1
    harness.publish_fetched(b"a")
    assert harness.delivery.waiting_s == 0


async def test_a_flush_commits_without_waiting_for_more_outputs() -> None:
    harness = TransactionHarness(interval_s=60)
    harness.assign()
    await harness.publish(b"a")
    await harness.flush()
    assert harness.acknowledged == [0]
    await harness.revoke()


async def test_a_right_that_is_missing_from_the_start_ends_the_delivery(harness: TransactionHarness) -> None:
    harness.broker.start_error = TransactionalIdAuthorizationFailed("triage-group-in-0")
    await harness.revoke()
    harness.assign()
    with pytest.raises(ConfigError, match="transactional id triage-group-in-0"):
        async with asyncio.timeout(10):
            await harness.running


async def test_a_right_that_is_revoked_later_is_waited_for(harness: TransactionHarness) -> None:
    await harness.publish(b"a")
    await harness.flush()
    await asyncio.sleep(5 * exactly_once.CHECK_S)  # the delivery has seen that the partition was resumed
    harness.broker.start_error = TransactionalIdAuthorizationFailed("triage-group-in-0")
    harness.broker.commit_errors = [TransactionalIdAuthorizationFailed("triage-group-in-0")]
    await harness.publish(b"b")
    await wait_for(lambda: "grant it" in str(harness.delivery.problem))
    await asyncio.sleep(5 * exactly_once.CHECK_S)
    assert not harness.running.done()


async def test_an_unexpected_error_ends_the_delivery(
    harness: TransactionHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(partition: TopicPartition) -> int:
        raise RuntimeError("broken")

    await harness.revoke()
    monkeypatch.setattr(harness.client, "committed", broken)
    harness.assign()
    with pytest.raises(RuntimeError, match="broken"):
        async with asyncio.timeout(10):
            await harness.running


async def test_skipped_records_are_committed_without_a_record(harness: TransactionHarness) -> None:
    await harness.wait_until_resumed()
    harness.skip()
    await harness.flush()
    assert (harness.broker.records, harness.broker.offset, harness.broker.transactions) == ([], 1, [0])
    await harness.publish(b"a")
    harness.skip()
    await harness.flush()
    assert (harness.broker.records, harness.broker.offset) == ([("out", b"a")], 3)
    assert harness.in_flight.offsets.counts().skipped == 2
