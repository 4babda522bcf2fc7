"""Logins and TLS on a real Kafka: which clients are accepted, and the errors of the others."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from triage_worker.bench.run import Options, run_benchmark
from triage_worker.config.errors import ConfigError, TriageError
from triage_worker.config.settings import Settings
from triage_worker.kafka import broker_contact, topics
from triage_worker.kafka.broker_contact import BrokerContact

from tests.kafka import broker
from tests.kafka.acls import Acl
from tests.kafka.certificates import Authority
from tests.kafka.harness import environment
from tests.kafka.processes import eventually
from tests.kafka.secured_broker import SecuredBroker, password

pytestmark = pytest.mark.kafka

MUTUAL = ("ssl_certfile", "ssl_keyfile")


def without(settings: dict[str, str], *names: str) -> dict[str, str]:
    """Return settings without some of them."""
    return {name: value for name, value in settings.items() if name not in names}


@pytest.fixture(autouse=True)
async def wait_for_closed_connections() -> AsyncIterator[None]:
    """TLS ends a connection only after its `close`; if the loop ended before, a socket would stay open."""
    yield
    sockets = asyncio.get_running_loop()._selector.get_map()  # type: ignore[attr-defined]

    async def only_the_socket_of_the_loop() -> bool:
        return len(sockets) <= 1

    await eventually(only_the_socket_of_the_loop, 20)


async def refusal(settings: dict[str, str]) -> str:
    """Connect with settings that are wrong; returns the error, which must be one line without a password."""
    with pytest.raises(ConfigError) as caught:
        await topics.check(Settings.load(**settings))
    error = str(caught.value)
    assert "hush" not in error
    assert "\n" not in error
    return error


async def connect(settings: dict[str, str]) -> None:
    """Connect with settings that are right."""
    await topics.check(Settings.load(**settings))


@pytest.mark.parametrize("listener", ["PASSWORD", "PASSWORD_TLS"])
@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
async def test_a_right_password_is_accepted_and_a_wrong_one_is_refused(
    secured: SecuredBroker, mechanism: str, listener: str
) -> None:
    settings = secured.login("triage", mechanism, listener)
    await connect(settings)
    error = await refusal({**settings, "sasl_password": "hush-wrong"})
    assert f"refused the login of triage by {mechanism}: check TRIAGE_SASL_USERNAME, TRIAGE_SASL_PASSWORD" in error


@pytest.mark.parametrize("listener", ["PASSWORD", "PASSWORD_TLS", "TLS"])
async def test_the_contact_logs_in_and_names_a_refusal(
    secured: SecuredBroker, monkeypatch: pytest.MonkeyPatch, listener: str
) -> None:
    monkeypatch.setattr(broker_contact, "SILENT_AFTER_S", 2.0)
    monkeypatch.setattr(broker_contact, "CHECK_S", 0.2)
    monkeypatch.setattr(broker_contact, "ASK_S", 0.2)
    by_password = listener.startswith("PASSWORD")
    right = secured.login("triage", listener=listener) if by_password else secured.settings(listener)
    wrong = {**right, "sasl_password": "hush-wrong"} if by_password else without(right, "ssl_cafile")
    words = "refused the login of triage" if by_password else "is not trusted"
    contacts = [BrokerContact(Settings.load(**settings)) for settings in (right, wrong)]
    running = [asyncio.create_task(contact.run()) for contact in contacts]

    async def refused() -> bool:
        return words in (contacts[1].problem or "")

    await eventually(refused, 20, lambda: str(contacts[1].problem))
    assert contacts[0].problem is None
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


async def test_the_benchmark_s_worker_logs_in_as_the_benchmark_does(secured: SecuredBroker) -> None:
    operations = {"topic": ("Create", "Describe", "Read", "Write", "Delete"), "group": ("Read", "Describe")}
    rights = [Acl(kind, "triage-bench-", True, one) for kind in operations for one in operations[kind]]
    settings = Settings.load(**secured.login("triage", listener="PASSWORD_TLS"))
    await secured.grant("triage", rights)
    result = await run_benchmark(settings, Options(messages=100, rounds=1, external=True, plain_loop=False))
    await secured.revoke("triage", rights)
    assert result.messages_per_second > 0


async def test_a_private_authority_must_be_trusted_explicitly(secured: SecuredBroker) -> None:
    await connect(secured.settings("TLS"))
    error = await refusal(without(secured.settings("TLS"), "ssl_cafile"))
    assert "is not trusted (unable to get local issuer certificate): set TRIAGE_SSL_CAFILE" in error


async def test_a_certificate_of_another_host_is_refused_unless_the_settings_allow_it(secured: SecuredBroker) -> None:
    await connect(secured.settings("ELSEWHERE", ssl_check_hostname="false"))
    assert "or set TRIAGE_SSL_CHECK_HOSTNAME=false" in await refusal(secured.settings("ELSEWHERE"))


async def test_an_expired_certificate_is_refused(secured: SecuredBroker) -> None:
    assert "(certificate has expired): have it renewed" in await refusal(secured.settings("EXPIRED"))


async def test_mutual_tls_needs_a_certificate_of_the_trusted_authority(secured: SecuredBroker, tmp_path: Path) -> None:
    settings = secured.settings("MUTUAL")
    await connect(settings)
    assert "set TRIAGE_SSL_CERTFILE and TRIAGE_SSL_KEYFILE" in await refusal(without(settings, *MUTUAL))
    other = Authority(tmp_path, "other-authority").sign("other-client")
    wrong = {**settings, "ssl_certfile": str(other.certificate), "ssl_keyfile": str(other.key)}
    assert "one of an authority that it trusts" in await refusal(wrong)


async def test_an_encrypted_key_needs_its_password(secured: SecuredBroker) -> None:
    client = secured.encrypted_client
    settings = secured.settings("MUTUAL", ssl_certfile=str(client.certificate), ssl_keyfile=str(client.key))
    await connect({**settings, "ssl_password": password("key")})
    assert "TRIAGE_SSL_PASSWORD" in await refusal({**settings, "ssl_password": "hush-wrong"})
    assert "TRIAGE_SSL_PASSWORD" in await refusal(settings)


@pytest.mark.parametrize("name", ["ssl_cafile", *MUTUAL])
async def test_a_tls_file_that_is_missing_or_invalid_is_named(
    secured: SecuredBroker, tmp_path: Path, name: str
) -> None:
    wrong = tmp_path / "wrong.pem"
    settings = secured.settings("MUTUAL", **{name: str(wrong)})
    assert f"TRIAGE_{name.upper()}={wrong} is not a file" in await refusal(settings)
    wrong.write_text("no certificate")
    assert "The TLS files cannot be loaded" in await refusal(settings)


async def test_a_mechanism_that_the_broker_does_not_offer_is_named(secured: SecuredBroker) -> None:
    error = await refusal(secured.login("triage", "SCRAM-SHA-512", "PLAIN_ONLY"))
    assert "does not offer SCRAM-SHA-512: set TRIAGE_SASL_MECHANISM" in error


async def test_a_protocol_that_differs_from_the_listeners_is_named(secured: SecuredBroker) -> None:
    for listener in ("PASSWORD", "TLS"):
        wrong = secured.settings(listener, security_protocol="PLAINTEXT")
        assert "TRIAGE_SECURITY_PROTOCOL=PLAINTEXT" in await refusal(wrong)
    wrong = {"bootstrap_servers": secured.bootstrap, "security_protocol": "SSL"}
    assert "TRIAGE_SECURITY_PROTOCOL=SSL" in await refusal(wrong)
    assert "set TRIAGE_SECURITY_PROTOCOL=SASL_SSL" in await refusal(
        secured.settings("PASSWORD_TLS", security_protocol="SSL")
    )


@pytest.mark.parametrize(
    ("listener", "expected"), [("PASSWORD", "refused the login of triage"), ("EXPIRED", "certificate has expired")]
)
def test_the_command_prints_a_refusal_as_one_line(
    secured: SecuredBroker, tmp_path: Path, listener: str, expected: str
) -> None:
    settings = secured.settings(listener)
    if listener == "PASSWORD":
        settings = secured.login("triage", sasl_password="hush-wrong")
    ran = subprocess.run(
        [sys.executable, "-m", "triage_worker", "worker", "--http-port=0", "--log-level=ERROR"],
        env=environment(**settings),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 2
    (line,) = ran.stderr.splitlines()
    assert line.startswith("triage: ")
    assert expected in line
    assert "hush" not in ran.stdout + ran.stderr


async def test_topics_are_created_as_planned(secured: SecuredBroker) -> None:
    names = {name: f"created.{name}" for name in Settings.model_fields if name.endswith("_topic")}
    settings = Settings.load(bootstrap_servers=secured.bootstrap, **names)
    assert set((await topics.create(settings, partitions=2, replicas=None)).values()) == {True}
    assert await topics.check(settings) == []
    assert set((await topics.create(settings, partitions=5, replicas=None)).values()) == {False}
    await topics.require(settings, dict.fromkeys(names, "Read"))
    with pytest.raises(TriageError, match=r"The topic other was not created: .*replica"):
        await topics.create(
            Settings.load(bootstrap_servers=secured.bootstrap, **{**names, "input_topic": "other"}),
            partitions=1,
            replicas=3,
        )


async def test_an_unreachable_broker_is_an_error() -> None:
    (port,) = broker.free_ports(1)
    assert "TRIAGE_BOOTSTRAP_SERVERS" in await refusal({"bootstrap_servers": f"127.0.0.1:{port}"})
