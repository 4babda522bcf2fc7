"""The consumer in a group: assignments, revocations, limits and stops."""

import asyncio

import pytest
from aiokafka.structs import TopicPartition
from triage_worker.streaming import consumer as consumer_module

from tests.worker.fakes import record
from tests.worker.streaming.consumer_harness import A, B, ConsumerHarness, running


async def test_a_revocation_of_all_waits_flushes_commits_and_then_releases_them() -> None:
    harness = ConsumerHarness()
    async with running(harness):
        await harness.assign(A, B)
        harness.read(7, 8)
        harness.acknowledge(7)
        harness.processor.is_idle = False
        harness.calls.clear()
        revoking = asyncio.create_task(harness.consumer.on_partitions_revoked([A, B]))
        await asyncio.sleep(0.02)
        assert harness.calls == ["pause processor"]
        assert not harness.consumer.assigned
        harness.processor.is_idle = True
        await revoking
        assert harness.calls == ["pause processor", "flush", "commit {0: 8}", "release [0, 1]", "revoke [0, 1]"]
        assert harness.in_flight.offsets.counts().returned == 1


async def test_a_revocation_of_some_waits_for_their_messages_only_and_the_others_go_on() -> None:
    harness = ConsumerHarness()
    async with running(harness):
        await harness.assign(A, B)
        harness.read(7, 8)
        harness.read(3, partition=B)
        harness.processor.is_idle = False
        harness.calls.clear()
        harness.acknowledge(7)
        revoking = asyncio.create_task(harness.consumer.on_partitions_revoked({A}))
        await asyncio.sleep(0.02)
        assert harness.calls == []
        assert harness.consumer.assigned
        harness.acknowledge(8)
        await revoking
        assert harness.calls == ["commit {0: 9, 1: 3}", "release [0]", "revoke [0]"]
        assert harness.in_flight.offsets.counts().returned == 0
        assert (A in harness.in_flight.offsets, B in harness.in_flight.offsets) == (False, True)
        harness.acknowledge(3, partition=B)


async def test_a_revocation_of_some_does_not_wait_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    harness = ConsumerHarness(revoke_timeout_s=0.01)
    async with running(harness):
        await harness.assign(A, B)
        harness.read(7)
        harness.calls.clear()
        await harness.consumer.on_partitions_revoked({A})
        assert harness.calls == ["release [0]", "revoke [0]"]
        assert harness.in_flight.offsets.counts().returned == 1
    assert "Not everything was finished in time" in caplog.text


async def test_a_revocation_of_some_does_not_wait_for_a_registry(caplog: pytest.LogCaptureFixture) -> None:
    harness = ConsumerHarness()
    async with running(harness):
        await harness.assign(A, B)
        harness.read(7, 8)
        harness.acknowledge(7)
        harness.processor.problem = "the registry does not answer"
        harness.calls.clear()
        await harness.consumer.on_partitions_revoked({A})
        assert harness.calls == ["commit {0: 8}", "release [0]", "revoke [0]"]


async def test_partitions_that_are_added_leave_the_others_as_they_are(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    harness = ConsumerHarness(commits_offsets=True)
    async with running(harness):
        await harness.assign(A)
        harness.read(7)
        tracker = harness.in_flight.offsets[A]
        await harness.assign(B)
        assert harness.calls == ["pause partitions [1]", "assign [1] brokers 3", "resume processor"]
        await harness.assign()
        assert harness.calls == ["resume processor"]
        assert harness.in_flight.offsets[A] is tracker
        assert tracker.in_flight == 1
        harness.acknowledge(7)
    logged = [entry.__dict__["partitions"] for entry in caplog.records if entry.message == "Partitions assigned"]
    assert logged == [[0], [0, 1], [0, 1]]


async def test_all_partitions_are_assigned_anew_where_some_are_not_served() -> None:
    harness = ConsumerHarness()
    assert harness.consumer.keeps_partitions
    harness.delivery.shortage = "too few file descriptors"
    assert not harness.consumer.keeps_partitions


async def test_a_revocation_releases_the_partitions_when_its_time_is_up(caplog: pytest.LogCaptureFixture) -> None:
    harness = ConsumerHarness(revoke_timeout_s=0.01)
    async with running(harness, drain_s=0.01):
        await harness.assign(A)
        harness.processor.is_idle = False
        harness.calls.clear()
        await harness.consumer.on_partitions_revoked({A})
        assert harness.calls == ["pause processor", "release [0]", "revoke [0]"]
    assert "Not everything was finished in time" in caplog.text


async def test_offsets_that_the_delivery_commits_are_not_committed_by_the_consumer() -> None:
    harness = ConsumerHarness(commits_offsets=True)
    async with running(harness):
        await harness.assign(A)
        harness.read(7)
        harness.acknowledge(7)
        harness.calls.clear()
        await harness.consumer.on_partitions_revoked({A})
        assert harness.calls == ["pause processor", "flush", "release [0]", "revoke [0]"]


async def test_partitions_are_tracked_before_the_processor_continues() -> None:
    harness = ConsumerHarness()
    async with running(harness):
        await harness.assign(B, A)
        assert harness.calls == ["assign [0, 1] brokers 3", "resume processor"]
        assert (A in harness.in_flight.offsets, B in harness.in_flight.offsets) == (True, True)
        assert harness.consumer.assigned


async def test_partitions_start_paused_if_the_delivery_commits_offsets() -> None:
    harness = ConsumerHarness(commits_offsets=True)
    async with running(harness):
        await harness.assign(A, B)
        assert harness.calls == ["pause partitions [0, 1]", "assign [0, 1] brokers 3", "resume processor"]


async def test_a_rebalance_is_timed_from_the_revocation_to_the_next_assignment() -> None:
    harness = ConsumerHarness()
    async with running(harness):
        await harness.assign(A)
        await harness.consumer.on_partitions_revoked({A})
        await harness.consumer.on_partitions_assigned({A})
        found = harness.metrics.registry.get_sample_value
        assert found("triage_rebalance_seconds_count") == 2
        timed = found("triage_rebalance_seconds_sum")
        assert timed is not None
        assert timed > 0
        await harness.consumer.on_partitions_assigned({B})
        await harness.consumer.on_partitions_assigned(set())
        assert found("triage_rebalance_seconds_count") == 3, "the last one changed nothing"
        assert found("triage_rebalance_seconds_sum") == timed, "nothing was revoked"


async def test_fetched_records_are_tracked_and_given_to_the_processor() -> None:
    harness = ConsumerHarness()
    async with running(harness, drain_s=0.01):
        await harness.assign(A)
        harness.client.fetched = [{A: [record(A, 7, b"{}"), record(A, 9, b"{}")]}]
        await harness.wait_for(lambda: bool(harness.processor.batches))
        (batch,) = harness.processor.batches
        assert [read.offset for read in batch.records] == [7, 9]
        assert batch.tracker is harness.in_flight.offsets[A]
        assert batch.tracker.in_flight == 2


async def test_records_are_tracked_before_a_revocation_that_follows_their_poll() -> None:
    harness = ConsumerHarness()
    async with running(harness):
        await harness.assign(A)
        revocations: list[asyncio.Task[None]] = []

        def revoke() -> None:
            revocations.append(asyncio.create_task(harness.consumer.on_partitions_revoked({A})))

        harness.client.after_fetch = revoke
        harness.client.fetched = [{A: [record(A, 7, b"{}")]}]
        await harness.wait_for(lambda: bool(harness.processor.batches))
        await asyncio.gather(*revocations)
        counts = harness.in_flight.offsets.counts()
        assert (counts.read, counts.returned) == (1, 1)
        (batch,) = harness.processor.batches
        assert not batch.tracker.active


async def test_no_more_messages_are_read_than_may_be_in_flight() -> None:
    harness = ConsumerHarness(max_in_flight=3)
    async with running(harness, drain_s=0.01):
        await harness.assign(A)
        harness.client.fetched = [{A: [record(A, offset, b"{}") for offset in range(3)]}]
        await harness.wait_for(lambda: harness.in_flight.offsets.in_flight == 3)
        harness.client.polls.clear()
        await harness.wait_for(lambda: len(harness.client.polls) > 1)
        assert set(harness.client.polls) == {((TopicPartition("in", -1),), None)}, "only to remain a member"
        harness.acknowledge(0, 1)
        harness.client.polls.clear()
        await harness.wait_for(lambda: ((), 2) in harness.client.polls)


async def test_records_are_read_once_there_is_room_for_an_eighth_of_what_may_be_in_flight(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(consumer_module, "ROOM_WAIT_S", 60.0)
    harness = ConsumerHarness(max_in_flight=24)
    async with running(harness, drain_s=0.01):
        await harness.assign(A)
        harness.client.fetched = [{A: [record(A, offset, b"{}") for offset in range(24)]}]
        await harness.wait_for(lambda: harness.in_flight.offsets.in_flight == 24)
        harness.acknowledge(0, 1)
        harness.client.polls.clear()
        await harness.wait_for(lambda: len(harness.client.polls) > 1)
        assert set(harness.client.polls) == {((TopicPartition("in", -1),), None)}
        harness.acknowledge(2)
        harness.client.polls.clear()
        await harness.wait_for(lambda: ((), 3) in harness.client.polls)


async def test_messages_that_take_long_do_not_keep_others_from_being_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer_module, "ROOM_WAIT_S", 0.05)
    harness = ConsumerHarness(max_in_flight=24)
    async with running(harness, drain_s=0.01):
        await harness.assign(A, B)
        harness.client.fetched = [{A: [record(A, offset, b"{}") for offset in range(22)]}]
        await harness.wait_for(lambda: harness.in_flight.offsets.in_flight == 22)
        harness.client.fetched = [{B: [record(B, 0, b"{}")]}]
        await harness.wait_for(lambda: harness.in_flight.offsets.in_flight == 23)
        assert ((), 2) in harness.client.polls


async def test_nothing_is_read_while_the_messages_in_flight_are_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer_module, "MAX_BYTES_IN_FLIGHT", 10)
    harness = ConsumerHarness()
    async with running(harness, drain_s=0.01):
        await harness.assign(A)
        harness.client.fetched = [{A: [record(A, 0, b"x" * 11, key=None)]}]
        await harness.wait_for(lambda: harness.in_flight.offsets.in_flight == 1)
        harness.client.polls.clear()
        await harness.wait_for(lambda: len(harness.client.polls) > 1)
        assert set(harness.client.polls) == {((TopicPartition("in", -1),), None)}


async def test_the_position_behind_the_marker_of_a_transaction_is_committed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the marker would count as lag for ever, and an autoscaler would keep a worker for it."""
    monkeypatch.setattr(consumer_module, "POSITIONS_S", 0.0)
    harness = ConsumerHarness()
    async with running(harness):
        await harness.assign(A, B)
        harness.read(7)
        harness.acknowledge(7)
        harness.read(3, partition=B)
        harness.client.positions = {A: 9, B: 5}
        await harness.wait_for(lambda: harness.in_flight.offsets.to_commit() == {A: 9, B: 3})
        harness.acknowledge(3, partition=B)
        await harness.consumer.on_partitions_revoked({A, B})
    assert "commit {0: 9, 1: 5}" in harness.calls


async def test_a_stop_waits_for_messages_in_flight_commits_them_and_leaves_the_group() -> None:
    harness = ConsumerHarness()
    async with running(harness) as task:
        await harness.assign(A)
        harness.read(7)
        harness.calls.clear()
        harness.stop.set()
        await asyncio.sleep(0.02)
        assert (harness.calls, task.done()) == (["flush"], False)
        harness.acknowledge(7)
    assert harness.calls == [
        "flush",
        "commit {0: 8}",
        "pause processor",
        "release [0]",
        "revoke [0]",
        "stop client",
    ]
    assert harness.consumer.client is None


async def test_a_stop_gives_up_on_messages_in_flight_when_its_time_is_up() -> None:
    harness = ConsumerHarness()
    async with running(harness, drain_s=0.01):
        await harness.assign(A)
        harness.read(7)
        harness.calls.clear()
    assert harness.calls[-5:] == ["commit {0: 7}", "pause processor", "release [0]", "revoke [0]", "stop client"]
    assert harness.in_flight.offsets.counts().returned == 1


async def test_a_stop_does_not_wait_for_messages_that_nothing_can_answer_at_present() -> None:
    harness = ConsumerHarness()
    async with running(harness) as task:
        await harness.assign(A)
        harness.read(7, 8)
        harness.acknowledge(7)
        harness.processor.problem = "the LLM endpoint refuses every request"
        harness.processor.is_idle = False
        harness.calls.clear()
        harness.stop.set()
        await asyncio.sleep(0.02)
        assert (harness.calls, task.done()) == (["flush"], False), "what runs is waited for"
        harness.processor.is_idle = True
    assert harness.calls[:3] == ["flush", "pause processor", "commit {0: 8}"]
    assert harness.in_flight.offsets.counts().returned == 1


async def test_a_stop_ends_the_start_of_a_client() -> None:
    harness = ConsumerHarness(hangs=True)
    async with running(harness):
        await harness.wait_for(lambda: bool(harness.clients))
    assert harness.calls[-1] == "stop client"


async def test_an_assignment_while_the_consumer_leaves_is_ignored() -> None:
    harness = ConsumerHarness()
    async with running(harness):
        await harness.assign(A)
    harness.calls.clear()
    await harness.consumer.on_partitions_assigned({A})
    assert (harness.calls, A in harness.in_flight.offsets) == ([], False)
