"""A session is renewed on its connection before it ends; aiokafka alone lets it end."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka.abc import AbstractTokenProvider
from aiokafka.conn import AIOKafkaConnection, create_conn
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.group import SyncGroupRequest
from aiokafka.protocol.metadata import MetadataRequest
from triage_worker.kafka.client_compat import session_renewal
from triage_worker.kafka.client_compat.patches import apply_patches

from tests.worker.kafka.client_compat.scripted_broker import ScriptedBroker, eventually, scripted_broker

SESSION_MS = 100


class Provider(AbstractTokenProvider):
    """Gives a new token each time, unless it is away or has only one."""

    def __init__(self) -> None:
        self.number = 0
        self.only: str | None = None
        self.is_away = False

    async def token(self) -> str:
        if self.is_away:
            raise KafkaConnectionError("away")
        self.number += 1
        return self.only or f"token-{self.number}"


class Login:
    """A broker's side of logins, with sessions that last `SESSION_MS`, or as long as a test says.

    Attributes:
        lifetimes_ms: of the next sessions; the last one repeats.
        refuses: whether further logins are refused.
        answers: cleared while the broker holds its answers back.
    """

    def __init__(self, *lifetimes_ms: int) -> None:
        self.lifetimes_ms = list(lifetimes_ms)
        self.refuses = False
        self.answers = asyncio.Event()
        self.answers.set()

    def script(self) -> dict[str, Callable[[Any], Any]]:
        return {"SaslHandShakeRequest": self._shake_hands, "SaslAuthenticateRequest": self._authenticate}

    async def _shake_hands(self, _: Any) -> tuple[Any, ...]:
        await self.answers.wait()
        return 0, ["OAUTHBEARER"]

    def _authenticate(self, request: Any) -> tuple[Any, ...]:
        assert request.API_VERSION == 1
        if self.refuses:
            return 58, "refused", b"", 0
        lifetime_ms = self.lifetimes_ms.pop(0) if len(self.lifetimes_ms) > 1 else self.lifetimes_ms[0]
        return 0, None, b"", lifetime_ms


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions may be as short as a test wants them."""
    monkeypatch.setattr(session_renewal, "SHORTEST_SESSION_S", 0.0)
    monkeypatch.setattr(session_renewal, "PAUSE_S", 0.01)


@asynccontextmanager
async def connected(login: Login, provider: Provider) -> AsyncIterator[tuple[ScriptedBroker, AIOKafkaConnection]]:
    """Connect to a scripted broker within the context."""
    async with scripted_broker(**login.script()) as broker:
        connection = await create_conn(
            "127.0.0.1",
            broker.port,
            request_timeout_ms=5_000,
            security_protocol="SASL_PLAINTEXT",
            sasl_mechanism="OAUTHBEARER",
            sasl_oauth_token_provider=provider,
        )
        try:
            yield broker, connection
        finally:
            connection.close()


def logins(broker: ScriptedBroker) -> int:
    return len(broker.asked("SaslAuthenticateRequest"))


async def test_a_session_is_renewed_again_and_again_on_its_connection() -> None:
    apply_patches()
    async with connected(Login(SESSION_MS), Provider()) as (broker, connection):
        await eventually(lambda: logins(broker) >= 4)
        await connection.send(MetadataRequest([]))
        tokens = [request.sasl_auth_bytes for request in broker.asked("SaslAuthenticateRequest")]
        assert len(set(tokens)) == len(tokens)
        assert len(broker.asked("ApiVersionRequest")) == 1  # of one connection


async def test_a_session_without_an_end_is_left_alone() -> None:
    apply_patches()
    async with connected(Login(0), Provider()) as (broker, _):
        await asyncio.sleep(0.3)
        assert logins(broker) == 1


async def test_other_requests_wait_until_the_login_is_over() -> None:
    apply_patches()
    login = Login(SESSION_MS, 0)
    async with connected(login, Provider()) as (broker, connection):
        login.answers.clear()
        await broker.wait_for_requests("SaslHandShakeRequest", 2)
        sent = [asyncio.ensure_future(connection.send(MetadataRequest([]))) for _ in range(3)]
        await asyncio.sleep(0.05)
        assert not broker.asked("MetadataRequest")
        login.answers.set()
        await asyncio.gather(*sent)
        assert [name for name, _ in broker.requests][-4:] == ["SaslAuthenticateRequest", *["MetadataRequest"] * 3]


async def test_a_provider_that_is_away_holds_up_nothing() -> None:
    apply_patches()
    provider = Provider()
    async with connected(Login(5_000, 0), provider) as (broker, connection):
        provider.is_away = True
        connection._renew_in(0)  # type: ignore[attr-defined]
        await asyncio.sleep(0.1)
        await connection.send(MetadataRequest([]))
        assert logins(broker) == 1
        provider.is_away = False
        await eventually(lambda: logins(broker) == 2)


async def test_the_same_token_again_would_change_nothing() -> None:
    apply_patches()
    provider = Provider()
    provider.only = "token-only"
    async with connected(Login(5_000, 0), provider) as (broker, connection):
        connection._renew_in(0)  # type: ignore[attr-defined]
        await asyncio.sleep(0.1)
        assert logins(broker) == 1
        provider.only = None
        await eventually(lambda: logins(broker) == 2)


async def test_a_member_that_waits_for_its_group_is_not_disturbed() -> None:
    apply_patches()
    released = asyncio.Event()

    async def synchronized(_: Any) -> tuple[Any, ...]:
        await released.wait()
        return 0, 0, b""

    async with connected(Login(5_000, 0), Provider()) as (broker, connection):
        broker.script["SyncGroupRequest"] = synchronized
        waiting = asyncio.ensure_future(connection.send(SyncGroupRequest("group", 1, "me", None, [])))
        await broker.wait_for_requests("SyncGroupRequest")
        connection._renew_in(0)  # type: ignore[attr-defined]
        await asyncio.sleep(0.1)
        assert len(broker.asked("SaslHandShakeRequest")) == 1
        released.set()
        await waiting
        await eventually(lambda: logins(broker) == 2)


async def test_a_refused_renewal_closes_the_connection_and_fails_what_waits() -> None:
    apply_patches()
    login = Login(SESSION_MS)
    async with connected(login, Provider()) as (broker, connection):
        login.refuses = True
        login.answers.clear()
        await broker.wait_for_requests("SaslHandShakeRequest", 2)
        sent = asyncio.ensure_future(connection.send(MetadataRequest([])))
        await asyncio.sleep(0)
        login.answers.set()
        with pytest.raises(KafkaConnectionError):
            await sent
        assert not connection.connected()


async def test_aiokafka_alone_lets_a_session_end(unpatched: None) -> None:
    async with connected(Login(SESSION_MS), Provider()) as (broker, _):
        await asyncio.sleep(0.3)
        assert logins(broker) == 1
