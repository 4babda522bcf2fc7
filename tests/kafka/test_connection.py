"""What the services say when a real Kafka does not let them in, and that they get in when all is right."""

import os
import subprocess
import sys
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.kafka import broker
from worker import topics
from worker.errors import ConfigError, TriageError
from worker.settings import Settings

JAAS = 'org.apache.kafka.common.security.plain.PlainLoginModule required user_triage="right";'


@dataclass(frozen=True)
class Listeners:
    """Where one broker listens, and the certificate that it shows."""

    plaintext: int
    sasl: int
    tls: int
    authority: Path


@pytest.fixture(scope="module")
def listeners(bootstrap: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listeners]:
    if not broker.JARS.is_dir():
        pytest.skip("needs a broker of its own, and TRIAGE_TEST_BOOTSTRAP points at another")
    folder = tmp_path_factory.mktemp("secured")
    plaintext, sasl, tls, controller = broker.free_ports(4)
    store, authority = _certificate(folder)
    settings = {
        "listeners": f"PLAINTEXT://127.0.0.1:{plaintext},SASL_PLAINTEXT://127.0.0.1:{sasl},SSL://127.0.0.1:{tls},"
        f"CONTROLLER://127.0.0.1:{controller}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,SSL:SSL,"
        "CONTROLLER:PLAINTEXT",
        "sasl.enabled.mechanisms": "PLAIN",
        "listener.name.sasl_plaintext.plain.sasl.jaas.config": JAAS,
        "ssl.keystore.location": str(store),
        "ssl.keystore.type": "PKCS12",
        "ssl.keystore.password": "for-tests",
    }
    cluster_id = urlsafe_b64encode(b"secured-for-test").decode().rstrip("=")
    node = broker.Broker(folder / "node", 1, plaintext, f"1@127.0.0.1:{controller}", controller, cluster_id, settings)
    node.format()
    node.start()
    try:
        node.wait()
        yield Listeners(plaintext, sasl, tls, authority)
    finally:
        node.stop()


def _certificate(folder: Path) -> tuple[Path, Path]:
    """A key store with a certificate for 127.0.0.1, and that certificate as PEM."""
    store, authority = folder / "store.p12", folder / "authority.pem"
    common = ["-keystore", str(store), "-storepass", "for-tests", "-alias", "broker"]
    making = [
        "-genkeypair",
        "-keyalg",
        "RSA",
        "-storetype",
        "PKCS12",
        "-dname",
        "CN=broker",
        "-ext",
        "SAN=IP:127.0.0.1",
    ]
    subprocess.run(["keytool", *making, *common], check=True, capture_output=True)
    subprocess.run(
        ["keytool", "-exportcert", "-rfc", "-file", str(authority), *common], check=True, capture_output=True
    )
    return store, authority


def settings(port: int, host: str = "127.0.0.1", **more: object) -> Settings:
    return Settings.load(bootstrap_servers=f"{host}:{port}", **more)


def login(password: str = "right", **more: object) -> dict[str, object]:
    plain: dict[str, object] = {"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "PLAIN"}
    return {**plain, "sasl_username": "triage", "sasl_password": password, **more}


async def refusal(wrong: Settings) -> str:
    with pytest.raises(ConfigError) as caught:
        await topics.check(wrong)
    return str(caught.value)


async def test_the_right_password_opens(listeners: Listeners) -> None:
    assert {problem.kind for problem in await topics.check(settings(listeners.sasl, **login()))} == {"error"}


async def test_a_wrong_password(listeners: Listeners) -> None:
    said = await refusal(settings(listeners.sasl, **login("wrong")))
    assert "refused the login of triage by PLAIN: check TRIAGE_SASL_USERNAME, TRIAGE_SASL_PASSWORD" in said
    assert "wrong" not in said


async def test_a_mechanism_that_is_not_offered(listeners: Listeners) -> None:
    said = await refusal(settings(listeners.sasl, **login(sasl_mechanism="SCRAM-SHA-512")))
    assert "does not offer SCRAM-SHA-512: set TRIAGE_SASL_MECHANISM" in said


async def test_no_login_where_one_is_wanted(listeners: Listeners) -> None:
    assert "TRIAGE_SECURITY_PROTOCOL=PLAINTEXT" in await refusal(settings(listeners.sasl))


async def test_no_tls_where_it_is_wanted(listeners: Listeners) -> None:
    assert "TRIAGE_SECURITY_PROTOCOL=PLAINTEXT" in await refusal(settings(listeners.tls))


async def test_tls_where_there_is_none(listeners: Listeners) -> None:
    assert "TRIAGE_SECURITY_PROTOCOL=SSL" in await refusal(settings(listeners.plaintext, security_protocol="SSL"))


async def test_a_certificate_of_an_unknown_authority(listeners: Listeners) -> None:
    said = await refusal(settings(listeners.tls, security_protocol="SSL"))
    assert "is not trusted" in said
    assert "TRIAGE_SSL_CAFILE" in said


async def test_a_certificate_of_another_host(listeners: Listeners) -> None:
    said = await refusal(settings(listeners.tls, "localhost", security_protocol="SSL", ssl_cafile=listeners.authority))
    assert "TRIAGE_SSL_CHECK_HOSTNAME" in said


async def test_a_trusted_certificate_opens(listeners: Listeners) -> None:
    trusting = settings(listeners.tls, security_protocol="SSL", ssl_cafile=listeners.authority)
    assert {problem.kind for problem in await topics.check(trusting)} == {"error"}


@pytest.mark.parametrize(
    ("variables", "part"),
    [
        ({"TRIAGE_SASL_PASSWORD": "wrong"}, "refused the login of triage"),
        ({"TRIAGE_SASL_PASSWORD": "right"}, "The topic customer.messages does not exist"),
    ],
)
def test_the_worker_says_no_in_one_sentence(
    listeners: Listeners, tmp_path: Path, variables: dict[str, str], part: str
) -> None:
    others = {name: value for name, value in os.environ.items() if not name.startswith("TRIAGE_")}
    secured = {
        "TRIAGE_BOOTSTRAP_SERVERS": f"127.0.0.1:{listeners.sasl}",
        "TRIAGE_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
        "TRIAGE_SASL_MECHANISM": "PLAIN",
        "TRIAGE_SASL_USERNAME": "triage",
        "TRIAGE_HTTP_PORT": "0",
        "TRIAGE_LOG_LEVEL": "ERROR",
    }
    ran = subprocess.run(
        [sys.executable, "-m", "worker.cli", "worker"],
        env=others | secured | variables,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 2
    assert "Traceback" not in ran.stderr
    last = ran.stderr.splitlines()[-1]
    assert last.startswith("triage: ")
    assert part in last


async def test_topics_are_created_as_they_should_be(listeners: Listeners) -> None:
    names = {name: f"made.{name}" for name in Settings.model_fields if name.endswith("_topic")}
    ours = settings(listeners.plaintext, **names)
    assert set((await topics.create(ours, partitions=2, replicas=None)).values()) == {True}
    assert await topics.check(ours) == []
    assert set((await topics.create(ours, partitions=5, replicas=None)).values()) == {False}
    await topics.require(ours, *names)
    with pytest.raises(TriageError, match=r"The topic other was not created: .*replica"):
        await topics.create(
            settings(listeners.plaintext, **{**names, "input_topic": "other"}), partitions=1, replicas=3
        )
