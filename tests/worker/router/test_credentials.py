"""The router's clients, which Faust makes, log in as the others do."""

import ssl
from typing import Any

import pytest

pytest.importorskip("faust")

import faust
from triage_worker.config.settings import Settings
from triage_worker.kafka.tokens.providers import KafkaTokenProvider
from triage_worker.router import faust_app

TOKEN = {
    **{"sasl_mechanism": "OAUTHBEARER", "oauth_token_url": "https://login.example.com/token"},
    **{"oauth_client_id": "triage", "oauth_client_secret": "secret"},
}


def credentials(**settings: Any) -> Any:
    return faust_app._credentials(Settings(**settings))


def test_without_a_login_there_are_none() -> None:
    assert credentials() is None


@pytest.mark.parametrize(("protocol", "encrypted"), [("SASL_PLAINTEXT", False), ("SASL_SSL", True)])
def test_a_token_is_asked_for_at_the_source_of_all_clients(protocol: str, encrypted: bool) -> None:
    made = credentials(security_protocol=protocol, **TOKEN)
    assert isinstance(made, faust.OAuthCredentials)
    assert isinstance(made.oauth_cb, KafkaTokenProvider)
    assert (made.protocol.value, isinstance(made.ssl_context, ssl.SSLContext)) == (protocol, encrypted)
    assert "secret" not in repr(made)


def test_a_password_is_given_as_it_is() -> None:
    made = credentials(security_protocol="SASL_SSL", sasl_username="u", sasl_password="p")
    assert (made.username, made.password, made.mechanism.value) == ("u", "p", "SCRAM-SHA-512")
