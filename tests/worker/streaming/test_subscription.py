"""The topics that a consumer is subscribed to change while it runs."""

import asyncio
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError
from aiokafka.structs import TopicPartition
from triage_worker.config.topic_selection import TopicSelection
from triage_worker.streaming import consumer as consumer_module
from triage_worker.streaming import subscription

from tests.worker.streaming.consumer_harness import ConsumerHarness, running

A, B = TopicPartition("shop.a", 0), TopicPartition("shop.b", 0)
PATTERN = TopicSelection.parse(r"^shop\..*")


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscription, "LOOK_S", 0.01)
    monkeypatch.setattr(consumer_module, "POLL_MS", 1)
    monkeypatch.setattr(consumer_module, "HEALTHY_AFTER_S", -1.0)


def harness_with(*existing: str) -> ConsumerHarness:
    """A consumer of the pattern, whose clients find these topics at first."""
    harness = ConsumerHarness(topics=PATTERN)
    make = harness.make_client

    def made() -> Any:
        client = make()
        client.existing = set(existing)
        return client

    harness.consumer._make_client = made
    return harness


def subscriptions(harness: ConsumerHarness) -> list[str]:
    return [call for call in harness.calls if "subscribe" in call]


async def test_all_named_topics_are_subscribed_to_at_once() -> None:
    harness = ConsumerHarness(topics=TopicSelection(("b", "a")))
    async with running(harness):
        await harness.wait_for(lambda: bool(subscriptions(harness)))
        await asyncio.sleep(0.05)
    assert subscriptions(harness) == ["subscribe ['a', 'b']"]


async def test_a_new_topic_is_found_and_partitions_are_released_before_the_subscription_changes() -> None:
    harness = harness_with("shop.a", "other")
    async with running(harness, drain_s=0.01):
        await harness.assign(A)
        harness.client.assigned = frozenset({A})
        harness.read(7, partition=A)
        harness.acknowledge(7, partition=A)
        harness.calls.clear()
        harness.client.existing.add("shop.b")
        await harness.wait_for(lambda: bool(subscriptions(harness)))
        assert harness.calls == [
            "pause processor",
            "flush",
            "commit {0: 8}",
            "release [0]",
            "revoke [0]",
            "subscribe ['shop.a', 'shop.b']",
        ]


async def test_a_topic_that_is_removed_is_left() -> None:
    harness = harness_with("shop.a", "shop.b")
    async with running(harness, drain_s=0.01):
        await harness.assign(A, B)
        harness.client.existing.discard("shop.b")
        await harness.wait_for(lambda: "subscribe ['shop.a']" in harness.calls)


async def test_a_consumer_waits_until_a_topic_matches_and_says_so() -> None:
    harness = harness_with("other")
    async with running(harness, drain_s=0.01):
        await harness.wait_for(lambda: harness.consumer.problem == r"no topic matches ^shop\..*")
        assert subscriptions(harness) == []
        harness.client.existing.add("shop.a")
        await harness.wait_for(lambda: subscriptions(harness) == ["subscribe ['shop.a']"])
        await harness.consumer.on_partitions_assigned({A})
        await harness.wait_for(lambda: harness.consumer.problem is None)


async def test_a_consumer_whose_last_topic_is_removed_leaves_the_group() -> None:
    harness = harness_with("shop.a")
    async with running(harness, drain_s=0.01):
        await harness.assign(A)
        harness.client.assigned = frozenset({A})
        harness.client.existing.clear()
        await harness.wait_for(lambda: "unsubscribe" in harness.calls)
        await harness.wait_for(lambda: "no topic matches" in str(harness.consumer.problem))


async def test_what_was_found_stays_while_no_broker_answers() -> None:
    harness = harness_with("shop.a")
    async with running(harness, drain_s=0.01):
        await harness.assign(A)
        harness.client.existing.add("shop.b")
        harness.client.topics_error = KafkaConnectionError()
        await asyncio.sleep(0.05)
        assert subscriptions(harness) == []
        harness.client.topics_error = None
        await harness.wait_for(lambda: bool(subscriptions(harness)))


async def test_a_rebalance_looks_for_topics_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscription, "LOOK_S", 60.0)
    harness = harness_with("shop.a")
    async with running(harness, drain_s=0.01):
        await harness.wait_for(lambda: bool(subscriptions(harness)))
        harness.client.existing.add("shop.b")
        await harness.consumer.on_partitions_assigned({A})
        await harness.wait_for(lambda: "subscribe ['shop.a', 'shop.b']" in harness.calls)


async def test_one_missing_topic_of_several_is_named() -> None:
    harness = ConsumerHarness(topics=TopicSelection(("a", "b")))
    async with running(harness, drain_s=0.01):
        await harness.assign(TopicPartition("a", 0))
        known = {"a": {0}}
        client: Any = harness.client
        client.partitions_for_topic = known.get
        await harness.wait_for(lambda: harness.consumer.problem == "there is no topic b")
        known["b"] = {0}
        await harness.wait_for(lambda: harness.consumer.problem is None)
