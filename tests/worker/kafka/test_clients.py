"""The clients that the factory makes: their arguments, and the patches. No client is started."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import triage_worker
from aiokafka.errors import KafkaConnectionError
from triage_worker.config.errors import TriageError
from triage_worker.config.settings import Settings
from triage_worker.kafka import clients

PACKAGE = Path(triage_worker.__file__).parent
CLIENT_CLASSES = {"AIOKafkaConsumer", "AIOKafkaProducer", "PatchedAdminClient"}
SETTINGS = Settings(
    bootstrap_servers="kafka:9092",
    group_id="custom",
    group_instance_id="pod-0",
    auto_offset_reset="latest",
    session_timeout_ms=30_000,
    max_poll_interval_ms=60_000,
    fetch_max_wait_ms=20,
)
CONNECTION = {"bootstrap_servers": "kafka:9092", "security_protocol": "PLAINTEXT"}
GROUP_CONSUMER = {
    **CONNECTION,
    "group_id": "custom",
    "group_instance_id": "pod-0",
    "auto_offset_reset": "latest",
    "enable_auto_commit": False,
    "isolation_level": "read_committed",
    "session_timeout_ms": 30_000,
    "heartbeat_interval_ms": 3_000,
    "max_poll_interval_ms": 60_000,
    "fetch_max_bytes": 16_777_216,
    "max_partition_fetch_bytes": 131_072,
    "fetch_max_wait_ms": 20,
    "metadata_max_age_ms": 10_000,
    "request_timeout_ms": 15_000,
}
TOPIC_CONSUMER = {
    **CONNECTION,
    "auto_offset_reset": "earliest",
    "enable_auto_commit": False,
    "isolation_level": "read_committed",
    "request_timeout_ms": 15_000,
}
PRODUCER = {
    **CONNECTION,
    "acks": "all",
    "max_request_size": 67_108_864,
    "max_batch_size": 65_536,
    "request_timeout_ms": 15_000,
}


class FakeClient:
    """Stores the arguments that it is made with, and whether it runs."""

    def __init__(self, *topics: str, **arguments: Any) -> None:
        self.topics = topics
        self.arguments = arguments
        self.running = False

    async def start(self) -> None:
        self.running = True

    async def close(self) -> None:
        self.running = False


class Calls:
    """What the factory called.

    Attributes:
        patches: how often the patches were applied.
        hand_over_timeouts: the producers and the time-outs of their queues.
        hides_warnings: whether the verification warnings are hidden.
    """

    def __init__(self) -> None:
        self.patches = 0
        self.hand_over_timeouts: list[tuple[Any, int]] = []
        self.hides_warnings = False

    def apply_patches(self) -> None:
        self.patches += 1

    def set_hand_over_timeout(self, producer: Any, timeout_ms: int) -> None:
        self.hand_over_timeouts.append((producer, timeout_ms))

    def hide_verification_warnings(self) -> None:
        self.hides_warnings = True


@pytest.fixture(autouse=True)
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    for name in CLIENT_CLASSES:
        monkeypatch.setattr(clients, name, FakeClient)
    created = Calls()
    for name in ("apply_patches", "set_hand_over_timeout", "hide_verification_warnings"):
        monkeypatch.setattr(clients, name, getattr(created, name))
    return created


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: clients.group_consumer(SETTINGS, "worker"), GROUP_CONSUMER),
        (
            lambda: clients.group_consumer(SETTINGS, "helpdesk", max_poll_interval_ms=900_000),
            GROUP_CONSUMER | {"max_poll_interval_ms": 900_000},
        ),
        (
            lambda: clients.group_consumer(Settings(bootstrap_servers="kafka:9092"), "review"),
            GROUP_CONSUMER
            | {
                "group_id": "triage-review",
                "group_instance_id": None,
                "auto_offset_reset": "earliest",
                "session_timeout_ms": 45_000,
                "heartbeat_interval_ms": 500,
                "max_poll_interval_ms": 300_000,
                "fetch_max_wait_ms": 500,
            },
        ),
        (lambda: clients.topic_consumer(SETTINGS), TOPIC_CONSUMER),
        (
            lambda: clients.topic_consumer(SETTINGS, auto_offset_reset="latest"),
            TOPIC_CONSUMER | {"auto_offset_reset": "latest"},
        ),
        (lambda: clients.producer(SETTINGS), PRODUCER | {"enable_idempotence": True}),
        (
            lambda: clients.producer(SETTINGS.model_copy(update={"idempotence": False}), linger_ms=5),
            PRODUCER | {"enable_idempotence": False, "linger_ms": 5},
        ),
        (
            lambda: clients.transactional_producer(SETTINGS, "triage-custom-in-0"),
            PRODUCER | {"transactional_id": "triage-custom-in-0", "retry_backoff_ms": 5},
        ),
    ],
    ids=[
        "group consumer",
        "group consumer with another poll interval",
        "group consumer with the default settings",
        "topic consumer",
        "topic consumer from the end",
        "producer",
        "producer without idempotence",
        "transactional producer",
    ],
)
def test_each_client_has_its_arguments_and_the_patches(
    make: Callable[[], Any], expected: dict[str, Any], calls: Calls
) -> None:
    assert make().arguments == expected
    assert calls.patches == 1


def test_a_group_consumer_can_subscribe_to_topics() -> None:
    consumer: Any = clients.group_consumer(SETTINGS, "helpdesk", "support.tickets")
    assert consumer.topics == ("support.tickets",)


@pytest.mark.parametrize(
    "make", [lambda: clients.producer(SETTINGS), lambda: clients.transactional_producer(SETTINGS, "id")]
)
def test_a_producers_queue_has_a_timeout_of_its_own(make: Callable[[], Any], calls: Calls) -> None:
    made = make()
    assert calls.hand_over_timeouts == [(made, 40_000)]


def test_only_transactional_producers_hide_verification_warnings(calls: Calls) -> None:
    clients.producer(SETTINGS)
    assert not calls.hides_warnings
    clients.transactional_producer(SETTINGS, "id")
    assert calls.hides_warnings


@pytest.mark.parametrize("make", [clients.group_consumer, clients.producer])
def test_clients_log_in_as_the_settings_say(make: Callable[..., Any]) -> None:
    secured = Settings(security_protocol="SASL_PLAINTEXT", sasl_username="triage", sasl_password="secret")
    made = make(secured, "worker") if make is clients.group_consumer else make(secured)
    found = {name: made.arguments[name] for name in made.arguments if name.startswith(("sasl_", "security_"))}
    assert found == {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "triage",
        "sasl_plain_password": "secret",
    }


@pytest.mark.parametrize("make", [clients.group_consumer, clients.producer])
def test_clients_that_log_in_by_token_share_its_source(make: Callable[..., Any]) -> None:
    secured = Settings(
        security_protocol="SASL_PLAINTEXT",
        sasl_mechanism="OAUTHBEARER",
        oauth_token_url="https://login.example.com/token",
        oauth_client_id="triage",
        oauth_client_secret="secret",
        oauth_extensions="logicalCluster=lkc-1",
    )
    made = [make(secured, "worker") if make is clients.group_consumer else make(secured) for _ in range(2)]
    providers = [one.arguments["sasl_oauth_token_provider"] for one in made]
    assert providers[0]._source is providers[1]._source
    assert providers[0].extensions() == {"logicalCluster": "lkc-1"}
    assert made[0].arguments["sasl_mechanism"] == "OAUTHBEARER"
    assert "sasl_plain_password" not in made[0].arguments
    assert "secret" not in repr(made[0].arguments)


async def test_an_admin_client_runs_within_its_context(calls: Calls) -> None:
    async with clients.bare_admin_client(SETTINGS) as opened:
        admin: Any = opened
        assert admin.running
        assert admin.arguments == {**CONNECTION, "request_timeout_ms": 15_000}
    assert not admin.running
    assert calls.patches == 1


async def test_an_admin_client_checks_the_connection_and_explains_later_errors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checked: list[Settings] = []

    async def check_connection(settings: Settings) -> None:
        checked.append(settings)

    monkeypatch.setattr(clients, "check_connection", check_connection)
    with pytest.raises(TriageError, match=r"^kafka:9092 answered, then failed \(KafkaConnectionError: .*gone\)"):
        async with clients.admin_client(SETTINGS) as admin:
            raise KafkaConnectionError("gone")
    assert checked == [SETTINGS]
    assert not admin.running  # type: ignore[attr-defined]


def test_only_the_factory_makes_clients() -> None:
    """The benchmark's plain loop is the exception: it shows what aiokafka does without us."""
    making = re.compile(rf"(?<!class )\b({'|'.join(CLIENT_CLASSES)}|AIOKafkaAdminClient)\(")
    makers = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if making.search(path.read_text(encoding="utf-8"))
    }
    assert makers == {"kafka/clients.py", "bench/plain_loop.py"}
