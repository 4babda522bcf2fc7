"""Tokens of a real issuer on this machine: both logins, what is asked for, and what is said where it refuses."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from triage_worker.config.errors import ConfigError
from triage_worker.config.settings import Settings
from triage_worker.kafka.tokens.oidc import OidcClient
from triage_worker.kafka.tokens.providers import token_source
from triage_worker.kafka.tokens.token import TokenError

from tests.kafka.certificates import Authority
from tests.token_issuer import SECRET, Asked, Issuer, failure, forget_sources, given, running_issuer


@pytest.fixture(scope="module")
def running() -> Iterator[Issuer]:
    with running_issuer() as issuer:
        yield issuer


@pytest.fixture
def issuer(running: Issuer) -> Iterator[Issuer]:
    running.answer = None
    running.asked.clear()
    yield running
    forget_sources()


@pytest.fixture
def client(issuer: Issuer) -> OidcClient:
    return OidcClient(issuer.token_url, "triage", SECRET)


def refusal(client: OidcClient) -> TokenError:
    """Fetch a token in vain; the error is one sentence, and shows no secret."""
    with pytest.raises(TokenError) as caught:
        client.fetch()
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith(".")
    assert "hush" not in text
    return caught.value


@pytest.mark.parametrize("in_form", [False, True])
def test_a_token_is_given_to_a_client_that_logs_in_either_way(
    issuer: Issuer, client: OidcClient, in_form: bool
) -> None:
    token = replace(client, in_form=in_form, parameters={"scope": "kafka", "audience": "brokers"}).fetch()
    assert token.value.count(".") == 2
    assert 290 < token.lifetime_s <= 300
    (asked,) = issuer.asked
    assert (asked.authorization is None) is in_form
    login = {"client_id": "triage", "client_secret": SECRET} if in_form else {}
    assert asked.form == {"grant_type": "client_credentials", "scope": "kafka", "audience": "brokers", **login}


def test_id_and_secret_may_have_any_character(issuer: Issuer, client: OidcClient) -> None:
    issuer.clients["a:b c"] = "hush:%&+ü"
    assert replace(client, client_id="a:b c", client_secret="hush:%&+ü").fetch().value


def test_the_settings_are_what_is_asked_for(issuer: Issuer) -> None:
    settings = Settings.load(
        security_protocol="SASL_SSL",
        sasl_mechanism="OAUTHBEARER",
        oauth_token_url=issuer.token_url,
        oauth_client_id="triage",
        oauth_client_secret=SECRET,
        oauth_client_auth="post",
        oauth_scope="kafka",
        oauth_audience="brokers",
        oauth_parameters="resource=kafka%20eu&tenant=shop",
    )
    source = token_source(settings)
    assert token_source(settings) is source
    assert source._fetch().value
    assert issuer.asked[0].form == {
        **{"grant_type": "client_credentials", "client_id": "triage", "client_secret": SECRET, "scope": "kafka"},
        **{"audience": "brokers", "resource": "kafka eu", "tenant": "shop"},
    }


def test_an_issuer_need_not_say_how_long_its_tokens_last(issuer: Issuer, client: OidcClient) -> None:
    issuer.answer = lambda _: given(issuer.token(), None)
    assert 290 < client.fetch().lifetime_s <= 300
    issuer.answer = lambda _: (200, {}, b'{"access_token": "opaque", "expires_in": "60"}')
    assert 50 < client.fetch().lifetime_s <= 60


def test_a_secret_that_the_issuer_repeats_is_not_shown(issuer: Issuer, client: OidcClient) -> None:
    issuer.answer = lambda asked: failure(401, "invalid_client", f"no such secret: {SECRET}")
    assert "no such secret: ********)" in str(refusal(client))


def fails(
    status: int, code: str, description: str, **headers: str
) -> Callable[[Asked], tuple[int, dict[str, str], bytes]]:
    return lambda _: failure(status, code, description, headers)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (fails(401, "invalid_client", "Invalid client or\nInvalid credentials"), "TRIAGE_OAUTH_CLIENT_SECRET"),
        (fails(401, "invalid_client", ""), "refused the client triage (invalid_client): check TRIAGE_OAUTH_CLIENT_ID"),
        (fails(400, "invalid_scope", "Invalid scopes: x"), "check TRIAGE_OAUTH_SCOPE."),
        (fails(400, "unauthorized_client", "not enabled"), "allow this client the grant for client credentials"),
        (fails(400, "invalid_target", ""), "check TRIAGE_OAUTH_AUDIENCE"),
        (fails(400, "access_denied", "x" * 500), "see the issuer's log."),
        (fails(503, "temporarily_unavailable", ""), "gives no token at present (temporarily_unavailable): wait"),
        (lambda _: (401, {}, b"<html>"), "refused the client triage (401): check TRIAGE_OAUTH_CLIENT_ID"),
        (lambda _: (502, {}, b"<html>"), "gives no token at present (502): wait"),
        (lambda _: (200, {}, b"<html>"), "answers, but not with a token: set TRIAGE_OAUTH_TOKEN_URL"),
        (lambda _: (200, {}, b"[1]"), "answers, but not with a token: set TRIAGE_OAUTH_TOKEN_URL"),
        (lambda _: (200, {}, b'{"access_token": 7}'), "gave no token, but something else"),
        (lambda _: (302, {"Location": "/keys"}, b""), "refers to another address (302): set TRIAGE_OAUTH_TOKEN_URL"),
        (lambda _: (200, {}, b'{"access_token": "x", "expires_in": -9}'), "see whether the clocks are right"),
    ],
)
def test_a_refusal_is_a_sentence_that_says_what_to_do(
    issuer: Issuer, client: OidcClient, answer: Callable[[Asked], tuple[int, dict[str, str], bytes]], said: str
) -> None:
    issuer.answer = answer
    assert said in str(refusal(client))


def test_an_address_without_a_token_endpoint_is_named(issuer: Issuer, client: OidcClient) -> None:
    url = f"{issuer.url}/realms/shop"
    assert f"There is no token endpoint at {url} (404): set" in str(refusal(replace(client, url=url)))


def test_an_issuer_may_ask_for_a_pause(issuer: Issuer, client: OidcClient) -> None:
    issuer.answer = fails(429, "slow_down", "", **{"Retry-After": "7"})
    assert refusal(client).retry_after_s == 7


def test_an_issuer_that_is_away_is_named(issuer: Issuer, client: OidcClient) -> None:
    with issuer.away():
        assert f"The issuer at {issuer.token_url} does not answer (Connection refused): start it" in str(
            refusal(client)
        )


def test_a_host_without_an_address_is_named(client: OidcClient) -> None:
    assert "does not answer (" in str(refusal(replace(client, url="https://issuer.invalid/token")))


@contextmanager
def tls_server(authority: Authority) -> Iterator[int]:
    """Run an issuer with TLS within the context; yields its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            body = b'{"access_token": "opaque", "expires_in": 60}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
            """Log nothing."""

    signed = authority.sign("issuer")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(signed.certificate, signed.key)
    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_private_authority_must_be_trusted_explicitly(client: OidcClient, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with tls_server(authority) as port:
        client = replace(client, url=f"https://127.0.0.1:{port}/token")
        assert "is not trusted (" in (said := str(refusal(client)))
        assert "set TRIAGE_OAUTH_SSL_CAFILE" in said
        assert replace(client, cafile=authority.certificate).fetch().value == "opaque"


def test_a_file_with_an_authority_must_be_one(client: OidcClient, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.pem"
    settings = {"oauth_token_url": client.url, "oauth_client_id": "x", "oauth_client_secret": "x"}
    login = {"security_protocol": "SASL_SSL", "sasl_mechanism": "OAUTHBEARER", "oauth_ssl_cafile": str(wrong)}
    with pytest.raises(ConfigError, match=r"TRIAGE_OAUTH_SSL_CAFILE=.* is not a file"):
        token_source(Settings.load(**settings, **login))
    wrong.write_text("no certificate")
    assert "cannot be loaded" in str(refusal(replace(client, cafile=wrong)))


def test_a_client_never_shows_its_secret(client: OidcClient) -> None:
    assert "hush" not in repr(client)
