"""Logins by token on a real Kafka and a real issuer: end to end, refused, and with tokens that end while it works."""

import asyncio
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.conn import create_conn
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.metadata import MetadataRequest
from triage_worker.config.errors import ConfigError
from triage_worker.config.settings import Settings
from triage_worker.kafka import topics
from triage_worker.kafka.client_compat.patches import apply_patches

from tests.kafka import admin, token_broker
from tests.kafka.harness import DELIVERIES, KafkaHarness, conversations, environment, message
from tests.kafka.message_outcomes import Position
from tests.kafka.processes import ServiceProcess, eventually
from tests.kafka.router_harness import RouterHarness, intent_record
from tests.kafka.scenario import BROKER_TIMESTAMPS
from tests.kafka.token_broker import TokenBroker
from tests.kafka.verification import record_and_check, verify
from tests.token_issuer import forget_sources
from tests.unpatched import undo_patches

pytestmark = pytest.mark.kafka

SHORT_LIFE_S = 6
LONG_RUN_S = 300
LONG_LIFE_S = 30
AWAY_S = 20
PER_SECOND = 500


@pytest.fixture(scope="module")
def running(kafka_installed: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TokenBroker]:
    with token_broker.running(tmp_path_factory.mktemp("tokens")) as running:
        yield running


@pytest.fixture
def broker(running: TokenBroker) -> Iterator[TokenBroker]:
    """The broker and its issuer, which gives tokens of five minutes until a test changes that."""
    running.issuer.lifetime_s, running.issuer.audience, running.issuer.answer = 300, "kafka", None
    yield running
    forget_sources()


@pytest.fixture
def harness(broker: TokenBroker, tmp_path: Path) -> Iterator[KafkaHarness]:
    """Topics of the test's own; its client uses the open listener."""
    with KafkaHarness(broker.bootstrap, tmp_path) as created:
        yield created


async def join(broker: TokenBroker, harness: KafkaHarness, **settings: str) -> ServiceProcess:
    """Start a worker that logs in by token, and wait until it has partitions."""
    worker = harness.start(**broker.login(**settings))
    await worker.wait_for_log("Partitions assigned", 120)
    return worker


def check_log(service: ServiceProcess) -> None:
    """No secret, and no token, may be in a log."""
    assert "hush" not in service.log_text()
    assert "eyJ" not in service.log_text()


async def refusal(settings: dict[str, str]) -> str:
    """Connect with settings that are wrong; returns the error, which must be one line without a secret."""
    with pytest.raises(ConfigError) as caught:
        await topics.check(Settings.load(**settings))
    error = str(caught.value)
    assert "hush" not in error
    assert "eyJ" not in error
    assert "\n" not in error
    return error


@pytest.mark.parametrize("delivery", DELIVERIES)
async def test_a_worker_logs_in_by_token(broker: TokenBroker, harness: KafkaHarness, delivery: str) -> None:
    await harness.create_topics()
    asked = len(broker.issuer.asked)
    worker = await join(broker, harness, delivery=delivery)
    sent = await harness.produce(conversations(300))
    await harness.verify_delivery([worker], sent, repeats_allowed=delivery == "at_least_once")
    check_log(worker)
    # One source serves the consumer, the producers and the checks at the start.
    assert len(broker.issuer.asked) == asked + 1


async def test_a_wrong_client_a_wrong_scope_and_a_wrong_address_are_named(broker: TokenBroker) -> None:
    assert "refused the client nobody (invalid_client: " in await refusal(broker.login(oauth_client_id="nobody"))
    assert "check TRIAGE_OAUTH_SCOPE" in await refusal(broker.login(oauth_scope="mail"))
    wrong = f"{broker.issuer.url}/oauth2/token"
    assert "There is no token endpoint at " in await refusal(broker.login(oauth_token_url=wrong))
    with broker.issuer.away():
        assert "does not answer (Connection refused)" in await refusal(broker.login(oauth_parameters="try=1"))


async def test_a_token_that_the_broker_refuses_is_named(broker: TokenBroker) -> None:
    broker.issuer.audience = "somebody else"
    error = await refusal(broker.login())
    assert "refused the token of the client triage: see in its log whether it trusts the issuer" in error


def test_the_command_prints_a_refusal_as_one_line(broker: TokenBroker, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "triage_worker", "worker", "--http-port=0", "--log-level=WARNING"],
        env=environment(**broker.login(oauth_client_secret="hush-wrong")),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("triage: The issuer at ")
    assert "check TRIAGE_OAUTH_CLIENT_ID and TRIAGE_OAUTH_CLIENT_SECRET" in line
    assert "hush" not in done.stdout + done.stderr


async def test_a_client_starts_although_the_issuer_has_just_changed_its_keys(broker: TokenBroker) -> None:
    """The broker refuses the first token that is signed by a key that it does not know yet."""
    await topics.check(Settings.load(**broker.login()))
    broker.issuer.rotate()
    await topics.check(Settings.load(**broker.login(oauth_parameters="try=4")))


async def session_is_open_after(broker: TokenBroker, seconds: float) -> bool:
    """Log in by password, and send a request now and then on that connection; returns whether it is still open."""
    connection = await create_conn(
        "127.0.0.1",
        broker.password_port,
        security_protocol="SASL_PLAINTEXT",
        sasl_mechanism="SCRAM-SHA-512",
        sasl_plain_username="triage",
        sasl_plain_password=token_broker.PASSWORD,
    )
    ends_at = time.monotonic() + seconds
    try:
        while time.monotonic() < ends_at:
            await connection.send(MetadataRequest([]))
            await asyncio.sleep(0.1)
    except KafkaConnectionError:
        return False
    finally:
        connection.close()
    return True


async def test_a_session_is_renewed_on_its_connection(broker: TokenBroker) -> None:
    apply_patches()
    assert await session_is_open_after(broker, 3.5 * token_broker.PASSWORD_SESSION_MS / 1_000)


async def test_aiokafka_alone_loses_its_connection(broker: TokenBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    undo_patches(monkeypatch)
    assert not await session_is_open_after(broker, 3.5 * token_broker.PASSWORD_SESSION_MS / 1_000)


@pytest.mark.parametrize("delivery", DELIVERIES)
async def test_nothing_is_lost_while_tokens_end_keys_rotate_and_the_issuer_is_away(
    broker: TokenBroker, harness: KafkaHarness, delivery: str
) -> None:
    broker.issuer.lifetime_s = SHORT_LIFE_S
    await harness.create_topics()
    worker = await join(broker, harness, delivery=delivery)
    async with steady_traffic(harness, 50) as sent:
        await asyncio.sleep(SHORT_LIFE_S * 1.5)
        broker.issuer.rotate()
        await asyncio.sleep(SHORT_LIFE_S)
        with broker.issuer.away():
            await asyncio.sleep(SHORT_LIFE_S)
        await asyncio.sleep(SHORT_LIFE_S)
    await harness.verify_delivery([worker], sent, repeats_allowed=delivery == "at_least_once", timeout_s=120)
    check_log(worker)


async def test_a_router_logs_in_by_token_again_and_again(
    broker: TokenBroker, harness: KafkaHarness, tmp_path: Path
) -> None:
    broker.issuer.lifetime_s = SHORT_LIFE_S
    name = uuid.uuid4().hex[:8]
    router_harness = RouterHarness(harness, f"tickets-{name}", f"alerts-{name}", tmp_path / "state")
    await harness.create_topics()
    await admin.create_topics(harness.bootstrap, [router_harness.tickets])
    await admin.create_topics(harness.bootstrap, [router_harness.alerts], partitions=1)
    names = [f"chat-{number % 40}" for number in range(200)]
    records = [intent_record(number, conversation, "WISMO") for number, conversation in enumerate(names)]
    router = await router_harness.join(**broker.login())
    for first in range(0, 200, 50):
        await router_harness.send(records[first : first + 50])
        await asyncio.sleep(SHORT_LIFE_S / 1.5)
    await router_harness.wait_until_routed()
    assert await router.terminate() == 0, router.log_text()
    await router_harness.verify_tickets(names)
    check_log(router)


@pytest.mark.torture
@pytest.mark.timeout(1_200)
async def test_tokens_of_thirty_seconds_for_five_minutes_with_the_issuer_away_for_twenty_seconds(
    broker: TokenBroker, harness: KafkaHarness
) -> None:
    broker.issuer.lifetime_s = LONG_LIFE_S
    await harness.create_topics(6, 1, **BROKER_TIMESTAMPS)
    workers = [await join(broker, harness, session_timeout_ms="45000") for _ in range(2)]
    began = time.monotonic()
    async with steady_traffic(harness, PER_SECOND) as sent:
        await asyncio.sleep(LONG_RUN_S / 3)
        asked = len(broker.issuer.asked)

        async def asked_again() -> bool:
            return len(broker.issuer.asked) > asked

        await eventually(asked_again, 2 * LONG_LIFE_S)
        # The token that was just given is replaced after 24 s, and ends after 30: the issuer is away for both.
        await asyncio.sleep(LONG_LIFE_S * 0.7)
        with broker.issuer.away():
            await asyncio.sleep(AWAY_S)
        broker.issuer.rotate(keep=True)
        await asyncio.sleep(LONG_RUN_S - (time.monotonic() - began))
    print(f"{len(sent)} messages in {time.monotonic() - began:.0f} s, {len(broker.issuer.asked)} requests for tokens")
    await harness.wait_until_committed(300)
    for worker in workers:
        assert await worker.terminate() == 0, worker.log_text()
        check_log(worker)
    record_and_check(
        await verify(
            harness,
            sent,
            fault="tokens end, the issuer away for 20 s",
            delivery="at_least_once",
            rate=f"{PER_SECOND}/s",
            seed=0,
        )
    )


@asynccontextmanager
async def steady_traffic(harness: KafkaHarness, per_second: int) -> AsyncIterator[list[Position]]:
    """Send messages at a rate that is kept over seconds; the list has all positions when the context has ended."""
    sent: list[Position] = []
    ended = asyncio.Event()
    sending = asyncio.create_task(_send(harness, per_second, sent, ended))
    try:
        yield sent
    finally:
        ended.set()
        await sending


async def _send(harness: KafkaHarness, per_second: int, sent: list[Position], ended: asyncio.Event) -> None:
    async with AIOKafkaProducer(bootstrap_servers=harness.bootstrap, enable_idempotence=True, linger_ms=5) as producer:
        futures, began = [], time.monotonic()
        for number in count():
            if ended.is_set():
                break
            text = message(f"message {number}" + "a" * (number % 40))
            futures.append(await producer.send(harness.input, value=text, key=f"chat-{number % 101}".encode()))
            await asyncio.sleep(max(0.0, began + number / per_second - time.monotonic()))
        sent += [(found.partition, found.offset) for found in await asyncio.gather(*futures)]
