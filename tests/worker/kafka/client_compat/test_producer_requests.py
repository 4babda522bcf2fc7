"""Requests to coordinators, while the cluster has none."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from triage_worker.kafka.client_compat.producer_requests import ProducerRequests


async def test_a_cluster_without_a_broker_is_an_error_that_passes() -> None:
    """So `ProducerRequests.repeat` ends at its deadline; aiokafka's own search for a coordinator has none."""

    async def find(*_: Any) -> int:
        raise AssertionError("was asked for a coordinator")

    producer = SimpleNamespace(
        client=SimpleNamespace(get_random_node=lambda: None),
        _sender=SimpleNamespace(_find_coordinator=find),
        _txn_manager=SimpleNamespace(transactional_id="t"),
    )
    requests = ProducerRequests(cast("AIOKafkaProducer", producer))
    with pytest.raises(KafkaError) as raised:
        await requests.ask_coordinator(object())
    assert raised.value.retriable
