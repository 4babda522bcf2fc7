"""Logins and TLS on a real Kafka: who is let in, and what the others are told."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from triage_worker.config.errors import ConfigError, TriageError
from triage_worker.config.settings import Settings
from triage_worker.kafka import topics

from tests.kafka import broker
from tests.kafka.certificates import Authority
from tests.kafka.processes import eventually
from tests.kafka.secured import Secured, password

pytestmark = pytest.mark.kafka

MUTUAL = ("ssl_certfile", "ssl_keyfile")


def without(settings: dict[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in settings.items() if name not in names}


@pytest.fixture(autouse=True)
async def _every_connection_has_ended() -> AsyncIterator[None]:
    """TLS takes its leave after a connection's `close`; where the loop ends first, a socket is left open."""
    yield
    watched = asyncio.get_running_loop()._selector.get_map()  # type: ignore[attr-defined]

    async def only_the_loops_own() -> bool:
        return len(watched) <= 1

    await eventually(only_the_loops_own, 20)


async def refusal(wrong: dict[str, str]) -> str:
    with pytest.raises(ConfigError) as caught:
        await topics.check(Settings.load(**wrong))
    said = str(caught.value)
    assert "hush" not in said
    assert "\n" not in said
    return said


async def let_in(right: dict[str, str]) -> None:
    await topics.check(Settings.load(**right))


@pytest.mark.parametrize("listener", ["PASSWORD", "PASSWORD_TLS"])
@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
async def test_a_password_opens_and_a_wrong_one_is_refused(secured: Secured, mechanism: str, listener: str) -> None:
    right = secured.login("triage", mechanism, listener)
    await let_in(right)
    said = await refusal({**right, "sasl_password": "hush-wrong"})
    assert f"refused the login of triage by {mechanism}: check TRIAGE_SASL_USERNAME, TRIAGE_SASL_PASSWORD" in said


async def test_tls_with_a_private_authority(secured: Secured) -> None:
    await let_in(secured.settings("TLS"))
    said = await refusal(without(secured.settings("TLS"), "ssl_cafile"))
    assert "is not trusted (unable to get local issuer certificate): set TRIAGE_SSL_CAFILE" in said


async def test_a_certificate_of_another_host(secured: Secured) -> None:
    await let_in(secured.settings("ELSEWHERE", ssl_check_hostname="false"))
    assert "or set TRIAGE_SSL_CHECK_HOSTNAME=false" in await refusal(secured.settings("ELSEWHERE"))


async def test_an_expired_certificate(secured: Secured) -> None:
    assert "(certificate has expired): have it renewed" in await refusal(secured.settings("EXPIRED"))


async def test_mutual_tls(secured: Secured, tmp_path: Path) -> None:
    right = secured.settings("MUTUAL")
    await let_in(right)
    assert "set TRIAGE_SSL_CERTFILE and TRIAGE_SSL_KEYFILE" in await refusal(without(right, *MUTUAL))
    foreign = Authority(tmp_path, "others").sign("foreign")
    theirs = {**right, "ssl_certfile": str(foreign.certificate), "ssl_keyfile": str(foreign.key)}
    assert "one of an authority that it trusts" in await refusal(theirs)


async def test_a_key_with_a_password(secured: Secured) -> None:
    locked = secured.settings(
        "MUTUAL", ssl_certfile=str(secured.locked.certificate), ssl_keyfile=str(secured.locked.key)
    )
    await let_in({**locked, "ssl_password": password("key")})
    assert "TRIAGE_SSL_PASSWORD" in await refusal({**locked, "ssl_password": "hush-wrong"})
    assert "TRIAGE_SSL_PASSWORD" in await refusal(locked)


@pytest.mark.parametrize("name", ["ssl_cafile", *MUTUAL])
async def test_a_file_that_is_not_there_or_holds_something_else(secured: Secured, tmp_path: Path, name: str) -> None:
    wrong = tmp_path / "wrong.pem"
    settings = secured.settings("MUTUAL", **{name: str(wrong)})
    assert f"TRIAGE_{name.upper()}={wrong} is not a file" in await refusal(settings)
    wrong.write_text("no certificate")
    assert "The TLS files cannot be loaded" in await refusal(settings)


async def test_a_mechanism_that_is_not_offered(secured: Secured) -> None:
    said = await refusal(secured.login("triage", "SCRAM-SHA-512", "PLAIN_ONLY"))
    assert "does not offer SCRAM-SHA-512: set TRIAGE_SASL_MECHANISM" in said


async def test_another_protocol_than_the_listener_has(secured: Secured) -> None:
    for listener in ("PASSWORD", "TLS"):
        wrong = secured.settings(listener, security_protocol="PLAINTEXT")
        assert "TRIAGE_SECURITY_PROTOCOL=PLAINTEXT" in await refusal(wrong)
    wrong = {"bootstrap_servers": secured.bootstrap, "security_protocol": "SSL"}
    assert "TRIAGE_SECURITY_PROTOCOL=SSL" in await refusal(wrong)
    assert "set TRIAGE_SECURITY_PROTOCOL=SASL_SSL" in await refusal(
        secured.settings("PASSWORD_TLS", security_protocol="SSL")
    )


@pytest.mark.parametrize(
    ("listener", "part"), [("PASSWORD", "refused the login of triage"), ("EXPIRED", "certificate has expired")]
)
def test_the_command_says_no_in_one_sentence(secured: Secured, tmp_path: Path, listener: str, part: str) -> None:
    given = secured.settings(listener)
    if listener == "PASSWORD":
        given = secured.login("triage", sasl_password="hush-wrong")
    others = {name: value for name, value in os.environ.items() if not name.startswith("TRIAGE_")}
    ran = subprocess.run(
        [sys.executable, "-m", "triage_worker", "worker", "--http-port=0", "--log-level=ERROR"],
        env=others | {f"TRIAGE_{name.upper()}": value for name, value in given.items()},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 2
    (line,) = ran.stderr.splitlines()
    assert line.startswith("triage: ")
    assert part in line
    assert "hush" not in ran.stdout + ran.stderr


async def test_topics_are_created_as_they_should_be(secured: Secured) -> None:
    names = {name: f"made.{name}" for name in Settings.model_fields if name.endswith("_topic")}
    ours = Settings.load(bootstrap_servers=secured.bootstrap, **names)
    assert set((await topics.create(ours, partitions=2, replicas=None)).values()) == {True}
    assert await topics.check(ours) == []
    assert set((await topics.create(ours, partitions=5, replicas=None)).values()) == {False}
    await topics.require(ours, dict.fromkeys(names, "Read"))
    with pytest.raises(TriageError, match=r"The topic other was not created: .*replica"):
        await topics.create(
            Settings.load(bootstrap_servers=secured.bootstrap, **{**names, "input_topic": "other"}),
            partitions=1,
            replicas=3,
        )


async def test_a_broker_that_is_not_there() -> None:
    (port,) = broker.free_ports(1)
    assert "TRIAGE_BOOTSTRAP_SERVERS" in await refusal({"bootstrap_servers": f"127.0.0.1:{port}"})
