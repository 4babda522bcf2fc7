"""A first connection says why it fails, which a client of aiokafka does not."""

import asyncio
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, UnsupportedSaslMechanismError
from triage_worker.kafka.client_compat import probe

from tests.worker.kafka.client_compat.scripted_broker import never, scripted_broker

LOGIN: dict[str, Any] = {
    "security_protocol": "SASL_PLAINTEXT",
    "sasl_mechanism": "SCRAM-SHA-256",
    "sasl_plain_username": "user",
    "sasl_plain_password": "secret",
}


def test_bootstrap_servers_are_hosts_and_ports() -> None:
    assert sorted(probe.addresses("one:9093, two:1,three")) == [("one", 9093), ("three", 9092), ("two", 1)]
    assert probe.addresses("[::1]:7") == [("::1", 7)]


async def test_a_broker_that_answers_is_logged_in_to() -> None:
    async with scripted_broker() as broker:
        await probe.connect("127.0.0.1", broker.port, timeout_ms=5_000)
        assert not broker.asked("MetadataRequest")
        await probe.log_in("127.0.0.1", broker.port, timeout_ms=5_000)
        assert len(broker.asked("MetadataRequest")) == 1


async def test_a_broker_that_hangs_is_a_timeout() -> None:
    async with scripted_broker(MetadataRequest=never) as broker:
        with pytest.raises(TimeoutError):
            await probe.log_in("127.0.0.1", broker.port, timeout_ms=100)


async def test_nobody_who_listens_is_an_error_of_the_system() -> None:
    async with scripted_broker() as broker:
        await broker.hang_up()
        with pytest.raises(ConnectionRefusedError):
            await probe.log_in("127.0.0.1", broker.port, timeout_ms=5_000)


async def test_a_login_that_the_broker_does_not_offer_is_named() -> None:
    async with scripted_broker(SaslHandShakeRequest=lambda _: (33, ["PLAIN"])) as broker:
        with pytest.raises(UnsupportedSaslMechanismError):
            await probe.log_in("127.0.0.1", broker.port, timeout_ms=5_000, **LOGIN)


@pytest.mark.parametrize("login", [{}, LOGIN], ids=["nobody listens", "login not offered"])
async def test_aiokafka_alone_loses_the_cause(login: dict[str, Any]) -> None:
    async with scripted_broker(SaslHandShakeRequest=lambda _: (33, ["PLAIN"])) as broker:
        if not login:
            await broker.hang_up()
        producer = AIOKafkaProducer(bootstrap_servers=broker.address, **login)
        with pytest.raises(KafkaConnectionError, match="Unable to bootstrap") as caught:
            async with asyncio.timeout(10):
                await producer.start()
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None
        await producer.stop()
