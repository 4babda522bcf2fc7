"""Tokens of the clouds, by their real libraries: with credentials that are made up, and identities on this machine."""

import json
import sys
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from triage_worker.config.errors import ConfigError
from triage_worker.kafka.tokens import clouds
from triage_worker.kafka.tokens.token import TokenError

MSK = "b-1.shop.abc123.c2.kafka.eu-west-1.amazonaws.com:9098,b-2.shop.abc123.c2.kafka.eu-west-1.amazonaws.com:9098"
NAMESPACE = "shop.servicebus.windows.net:9093"


@pytest.fixture(autouse=True)
def no_identity(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An environment in which no cloud finds an identity."""
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION")
    for name in (*names, "GOOGLE_APPLICATION_CREDENTIALS", "AZURE_CLIENT_ID", "AZURE_TENANT_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("NO_GCE_CHECK", "true")


class Service:
    """An HTTP service on this machine that answers everything alike.

    Attributes:
        url: its address.
        asked: path and headers of each request, and its body.
    """

    def __init__(self, answer: dict[str, Any]) -> None:
        self.answer = answer
        self.asked: list[tuple[str, dict[str, str], str]] = []
        self.url = ""


class Handler(BaseHTTPRequestHandler):
    def __init__(self, service: Service, *arguments: Any) -> None:
        self._service = service
        super().__init__(*arguments)

    def do_GET(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        self._service.asked.append((self.path, dict(self.headers), content))
        body = json.dumps(self._service.answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
        """Log nothing."""


@contextmanager
def service(answer: dict[str, Any]) -> Iterator[Service]:
    """Run a service within the context."""
    created = Service(answer)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, created))
    created.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield created
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_amazon_signs_a_request_for_the_region_of_the_brokers(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("aws_msk_iam_sasl_signer")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    token = clouds.aws(MSK)()
    url = urlsplit(urlsafe_b64decode(token.value + "=" * (-len(token.value) % 4)).decode())
    query = {name: values[0] for name, values in parse_qs(url.query).items()}
    assert url.hostname == "kafka.eu-west-1.amazonaws.com"
    assert query["Action"] == "kafka-cluster:Connect"
    assert query["X-Amz-Credential"].startswith("AKIAEXAMPLE/")
    assert 890 < token.lifetime_s <= 900


def test_amazon_without_credentials_is_a_sentence() -> None:
    pytest.importorskip("aws_msk_iam_sasl_signer")
    with pytest.raises(TokenError, match=r"^There are no credentials of AWS: give the pod a role"):
        clouds.aws(MSK)()


@pytest.mark.parametrize(
    ("servers", "environment", "region"),
    [
        (MSK, {"AWS_REGION": "us-east-1"}, "eu-west-1"),
        ("boot-x.c1.kafka-serverless.us-gov-west-1.amazonaws.com:9098", {}, "us-gov-west-1"),
        ("b-1.x.c2.kafka.cn-north-1.amazonaws.com.cn:9098", {}, "cn-north-1"),
        ("proxy.example.com:9098", {"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-west-2"}, "us-east-1"),
        ("proxy.example.com:9098", {"AWS_DEFAULT_REGION": "us-west-2"}, "us-west-2"),
    ],
)
def test_the_region_is_that_of_the_brokers_or_of_the_environment(
    servers: str, environment: dict[str, str], region: str
) -> None:
    assert clouds.aws_region(servers, environment) == region


def test_an_unknown_region_is_named() -> None:
    with pytest.raises(ConfigError, match="set AWS_REGION"):
        clouds.aws_region("proxy.example.com:9098", {})


@pytest.mark.parametrize(
    ("scope", "resource"), [(None, "https://shop.servicebus.windows.net"), ("api://kafka/.default", "api://kafka")]
)
def test_azure_asks_for_the_namespace_of_the_brokers_or_for_the_scope(
    monkeypatch: pytest.MonkeyPatch, scope: str | None, resource: str
) -> None:
    pytest.importorskip("azure.identity")
    ends = str(int(time.time()) + 3_600)
    answer = {"access_token": "opaque", "expires_on": ends, "resource": resource, "token_type": "Bearer"}
    with service(answer) as identity:
        monkeypatch.setenv("IDENTITY_ENDPOINT", identity.url)  # as App Service and Container Apps set it
        monkeypatch.setenv("IDENTITY_HEADER", "x")
        token = clouds.azure(NAMESPACE, scope)()
    assert (token.value, 3_590 < token.lifetime_s <= 3_600) == ("opaque", True)
    assert parse_qs(urlsplit(identity.asked[-1][0]).query)["resource"] == [resource]


def google_key_file(folder: Path, url: str) -> Path:
    key = rsa.generate_private_key(65_537, 2_048)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    account = {"type": "service_account", "client_email": "triage@shop.iam.example.com", "token_uri": url}
    file = folder / "account.json"
    file.write_text(json.dumps({**account, "private_key": key.private_bytes(*form).decode(), "project_id": "shop"}))
    return file


def test_google_wraps_its_access_token_as_its_brokers_want_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("google.auth")
    with service({"access_token": "ya29.opaque", "expires_in": 3_600, "token_type": "Bearer"}) as identity:
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(google_key_file(tmp_path, identity.url)))
        token = clouds.gcp()()
    head, claims, access = (urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in token.value.split("."))
    assert json.loads(head) == {"typ": "JWT", "alg": "GOOG_OAUTH2_TOKEN"}
    assert json.loads(claims) | {"exp": 0, "iat": 0} == {
        **{"exp": 0, "iat": 0, "iss": "Google", "sub": "triage@shop.iam.example.com"},
    }
    assert access == b"ya29.opaque"
    assert 3_500 < token.lifetime_s <= 3_600


def test_google_without_credentials_is_a_sentence() -> None:
    pytest.importorskip("google.auth")
    with pytest.raises(TokenError, match=r"^Google Cloud gave no token \(.*: see whether the pod") as caught:
        clouds.gcp()()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("extra", "package", "make"),
    [
        ("aws", "aws_msk_iam_sasl_signer", lambda: clouds.aws(MSK)),
        ("azure", "azure.identity", lambda: clouds.azure(NAMESPACE, None)),
        ("gcp", "google.auth", clouds.gcp),
    ],
)
def test_a_missing_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, extra: str, package: str, make: Callable[[], object]
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ConfigError) as caught:
        make()
    assert f"pip install '.[{extra}]'" in str(caught.value)
    assert f"TRIAGE_OAUTH_PROVIDER={extra} needs the package" in str(caught.value)
