"""The components of a service are made as its settings say."""

from typing import Any

import pytest
from triage_worker.config.settings import Settings
from triage_worker.config.topic_selection import TopicSelection
from triage_worker.kafka.dead_letters import DeadLetterTopic
from triage_worker.observability.metrics import Metrics
from triage_worker.streaming import wiring
from triage_worker.streaming.consumer import ConsumerConfig
from triage_worker.streaming.delivery.at_least_once import AtLeastOnce
from triage_worker.streaming.delivery.exactly_once import ExactlyOnce
from triage_worker.streaming.tracking.dead_letters import DeadLetters
from triage_worker.streaming.tracking.in_flight import InFlightMessages
from triage_worker.streaming.wiring import ServiceComponents, connect

from tests.worker.streaming.fakes import FakeProcessor


def components(**settings: Any) -> ServiceComponents:
    """Connect a fake processor with the settings."""
    metrics = Metrics()
    return connect(
        Settings(**settings),
        "worker",
        TopicSelection(("in",)),
        InFlightMessages(metrics),
        FakeProcessor([]),
        DeadLetters(DeadLetterTopic("dlq")),
        metrics,
        max_in_flight=7,
    )


def consumer_config(**settings: Any) -> ConsumerConfig:
    return components(**settings).consumer._config


@pytest.mark.parametrize(("delivery", "kind"), [("at_least_once", AtLeastOnce), ("exactly_once", ExactlyOnce)])
async def test_the_delivery_is_that_of_the_settings(delivery: str, kind: type) -> None:
    assert type(components(delivery=delivery).delivery) is kind


async def test_transactions_have_the_group_the_prefix_and_the_interval_of_the_settings() -> None:
    delivery: Any = components(
        delivery="exactly_once", group_id="custom", transactional_id_prefix="shop", commit_interval_ms=250
    ).delivery
    config = delivery._config
    assert (config.group, config.prefix) == ("custom", "shop")
    with config.pace.gathering() as interval_s:
        assert interval_s == 0.25


@pytest.mark.parametrize(("session_timeout_ms", "expected"), [(6_000, 4.0), (45_000, 6.0)])
async def test_a_fenced_worker_waits_for_the_group(session_timeout_ms: int, expected: float) -> None:
    delivery: Any = components(delivery="exactly_once", session_timeout_ms=session_timeout_ms).delivery
    assert delivery._config.rejoin_s == expected


async def test_the_consumer_polls_three_times_within_the_poll_interval() -> None:
    assert consumer_config(max_poll_interval_ms=60_000).touch_s == 20.0


@pytest.mark.parametrize(
    ("session_timeout_ms", "drain_timeout_s", "expected"), [(45_000, 20.0, 15.0), (45_000, 5.0, 5.0)]
)
async def test_a_revocation_takes_no_longer_than_a_drain_or_a_third_of_a_session(
    session_timeout_ms: int, drain_timeout_s: float, expected: float
) -> None:
    config = consumer_config(session_timeout_ms=session_timeout_ms, drain_timeout_s=drain_timeout_s)
    assert config.revoke_timeout_s == expected


async def test_the_consumer_has_the_limit_of_messages_in_flight() -> None:
    assert consumer_config().max_in_flight == 7


async def test_offsets_are_committed_at_the_interval_of_the_settings() -> None:
    assert components(commit_interval_ms=250).consumer._committer._interval_s == 0.25


async def test_clients_and_producers_are_made_from_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[Any, ...]] = []
    for name in ("cooperative_consumer", "producer", "transactional_producer"):
        monkeypatch.setattr(
            wiring, name, lambda settings, *rest, name=name: made.append((name, settings.group_id, *rest))
        )
    at_least_once: Any = components(group_id="custom")
    exactly_once: Any = components(group_id="custom", delivery="exactly_once")
    at_least_once.consumer._make_client()
    at_least_once.delivery._producer()
    exactly_once.delivery._config.producer("an id")
    assert made == [
        ("cooperative_consumer", "custom", "worker"),
        ("producer", "custom"),
        ("transactional_producer", "custom", "an id"),
    ]
