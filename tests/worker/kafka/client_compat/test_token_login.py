"""A broker that refuses a token is noticed; aiokafka alone takes its answer for a success."""

from collections.abc import Callable
from typing import Any

import pytest
from aiokafka.abc import AbstractTokenProvider
from aiokafka.errors import KafkaConnectionError, SaslAuthenticationFailed
from triage_worker.kafka.client_compat import probe
from triage_worker.kafka.client_compat.patches import apply_patches

from tests.worker.kafka.client_compat.scripted_broker import ScriptedBroker, scripted_broker

REASON = b'{"status":"invalid_token"}'
SASL_FAILED = 58


class Provider(AbstractTokenProvider):
    """Gives one token, and counts its refusals."""

    def __init__(self) -> None:
        self.refusals = 0

    async def token(self) -> str:
        return "opaque"

    def extensions(self) -> dict[str, str]:
        return {"logicalCluster": "lkc-1"}

    def refused(self) -> None:
        self.refusals += 1


def login(accepted: bool) -> dict[str, Callable[[Any], Any]]:
    """The answers of a broker to a login by token, as RFC 7628 has them."""

    def authenticate(request: Any) -> tuple[Any, ...]:
        rest = (0,) if request.API_VERSION else ()  # how long the session lasts
        if accepted:
            return 0, None, b"", *rest
        if request.sasl_auth_bytes == b"\x01":
            return SASL_FAILED, REASON.decode(), b"", *rest
        return 0, None, REASON, *rest

    return {"SaslHandShakeRequest": lambda _: (0, ["OAUTHBEARER"]), "SaslAuthenticateRequest": authenticate}


async def log_in(broker: ScriptedBroker, provider: AbstractTokenProvider) -> list[bytes]:
    """Log in by token; returns what the broker was sent for it."""
    await probe.log_in(
        "127.0.0.1",
        broker.port,
        timeout_ms=5_000,
        security_protocol="SASL_PLAINTEXT",
        sasl_mechanism="OAUTHBEARER",
        sasl_oauth_token_provider=provider,
    )
    return [request.sasl_auth_bytes for request in broker.asked("SaslAuthenticateRequest")]


async def test_a_token_is_accepted_with_its_extensions() -> None:
    apply_patches()
    provider = Provider()
    async with scripted_broker(**login(accepted=True)) as broker:
        assert await log_in(broker, provider) == [b"n,,\x01auth=Bearer opaque\x01logicalCluster=lkc-1\x01\x01"]
    assert provider.refusals == 0


async def test_a_refusal_is_raised_and_told_to_the_provider() -> None:
    apply_patches()
    provider = Provider()
    async with scripted_broker(**login(accepted=False)) as broker:
        with pytest.raises(SaslAuthenticationFailed, match="invalid_token"):
            await log_in(broker, provider)
    assert provider.refusals == 1


async def test_a_provider_need_not_want_to_know() -> None:
    apply_patches()

    class Plain(AbstractTokenProvider):
        async def token(self) -> str:
            return "opaque"

    async with scripted_broker(**login(accepted=False)) as broker:
        with pytest.raises(SaslAuthenticationFailed):
            await log_in(broker, Plain())


async def test_a_login_that_fails_otherwise_is_no_refusal() -> None:
    apply_patches()

    class Away(Provider):
        async def token(self) -> str:
            raise KafkaConnectionError("no token")

    provider = Away()
    async with scripted_broker(**login(accepted=True)) as broker:
        with pytest.raises(KafkaConnectionError, match="no token"):
            await log_in(broker, provider)
    assert provider.refusals == 0


async def test_aiokafka_alone_takes_a_refusal_for_a_success(unpatched: None) -> None:
    async with scripted_broker(**login(accepted=False)) as broker:
        assert len(await log_in(broker, Provider())) == 1
