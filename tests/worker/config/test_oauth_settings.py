"""Settings of logins by token: what they need, what they refuse, and that no secret is shown."""

import os
from pathlib import Path

import pytest
from triage_worker.config.errors import ConfigError
from triage_worker.config.oauth_values import parse_extensions, parse_parameters
from triage_worker.config.settings import Settings
from triage_worker.config.sources import PREFIX

SASL = {"security_protocol": "SASL_SSL", "sasl_mechanism": "OAUTHBEARER"}
OIDC = SASL | {
    "oauth_token_url": "https://login.example.com/realms/shop/protocol/openid-connect/token",
    "oauth_client_id": "triage",
    "oauth_client_secret": "hush",
}


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.upper().startswith(PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_a_client_needs_no_more_than_an_endpoint_and_its_login() -> None:
    settings = Settings.load(**OIDC)
    assert settings.logs_in_by_token
    assert (settings.oauth_provider, settings.oauth_client_auth) == ("oidc", "basic")
    assert "hush" not in repr(settings) + str(settings) + settings.model_dump_json()


@pytest.mark.parametrize(
    ("given", "provider"),
    [("AWS", "aws"), (" azure ", "azure"), ("gcp", "gcp"), ("shop.logins:Kafka.token", "shop.logins:Kafka.token")],
)
def test_other_providers_need_nothing(given: str, provider: str) -> None:
    assert Settings.load(**SASL, oauth_provider=given).oauth_provider == provider


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "127.1.2.3"])
def test_only_an_issuer_on_this_machine_may_be_asked_without_encryption(host: str) -> None:
    url = f"http://{host}:8080/token"
    assert Settings.load(**OIDC | {"oauth_token_url": url}).oauth_token_url == url


def test_a_registry_may_be_all_that_needs_tokens() -> None:
    oidc = {name: value for name, value in OIDC.items() if name.startswith("oauth_")}
    settings = Settings.load(schema_registry_url="https://registry", schema_registry_oauth="true", **oidc)
    assert not settings.logs_in_by_token


@pytest.mark.parametrize(
    ("flags", "part"),
    [
        (SASL, "needs TRIAGE_OAUTH_TOKEN_URL too, or another TRIAGE_OAUTH_PROVIDER"),
        (OIDC | {"oauth_client_id": None}, "needs TRIAGE_OAUTH_CLIENT_ID too"),
        (OIDC | {"oauth_client_secret": None}, "needs TRIAGE_OAUTH_CLIENT_SECRET too"),
        (OIDC | {"sasl_username": "u"}, "TRIAGE_SASL_USERNAME and TRIAGE_SASL_PASSWORD are not used"),
        (OIDC | {"sasl_mechanism": "PLAIN", "sasl_username": "u", "sasl_password": "p"}, "only used with"),
        (OIDC | {"security_protocol": "SSL"}, "TRIAGE_OAUTH_TOKEN_URL is only used with"),
        ({"oauth_provider": "aws"}, "TRIAGE_OAUTH_PROVIDER is only used with TRIAGE_SASL_MECHANISM=OAUTHBEARER"),
        (OIDC | {"oauth_provider": "aws"}, "TRIAGE_OAUTH_TOKEN_URL is not used with TRIAGE_OAUTH_PROVIDER=aws"),
        (SASL | {"oauth_provider": "gcp", "oauth_scope": "x"}, "TRIAGE_OAUTH_SCOPE is not used with"),
        (SASL | {"oauth_provider": "keycloak"}, "should be one of oidc, aws, azure, gcp, or package.module:function"),
        (SASL | {"oauth_provider": "package.module"}, "or package.module:function"),
        (OIDC | {"oauth_token_url": "http://login.example.com/token"}, "would send the client's secret unencrypted"),
        (OIDC | {"oauth_token_url": "http://127.0.0.1.example.com/token"}, "unencrypted"),
        (OIDC | {"oauth_token_url": "login.example.com/token"}, "should be the https:// address"),
        (OIDC | {"oauth_token_url": "https://login.example.com/{tenant}/token"}, "should be the https:// address"),
        (OIDC | {"oauth_token_url": "https://login.example.com:x/token"}, "no host and port that could exist"),
        (OIDC | {"oauth_parameters": "resource"}, "name=value, several joined by &"),
        (OIDC | {"oauth_parameters": "scope=x"}, "scope has a setting of its own"),
        (OIDC | {"oauth_parameters": "client_assertion=hush"}, "client_assertion looks like a secret"),
        (OIDC | {"oauth_extensions": "logical_cluster=x"}, "a name in letters"),
        (OIDC | {"oauth_extensions": "auth=x"}, "a name in letters"),
        (OIDC | {"oauth_client_auth": "jwt"}, "'basic' or 'post'"),
        ({"schema_registry_oauth": "true"}, "needs TRIAGE_OAUTH_TOKEN_URL too"),
        (
            OIDC | {"schema_registry_oauth": "true", "schema_registry_token": "hush"},
            "TRIAGE_SCHEMA_REGISTRY_OAUTH and TRIAGE_SCHEMA_REGISTRY_TOKEN are two logins",
        ),
    ],
)
def test_what_is_missing_or_useless_is_named(flags: dict[str, object], part: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Settings.load(**flags)
    text = str(caught.value)
    assert part in text
    assert "hush" not in text
    assert "\n" not in text


@pytest.mark.parametrize("url", ["https://me:hush@login.example.com/token", "http://hush@localhost/token"])
def test_a_login_in_the_address_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(ConfigError, match="TRIAGE_OAUTH_CLIENT_SECRET") as caught:
        Settings.load(**OIDC | {"oauth_token_url": url})
    assert "hush" not in str(caught.value)


def test_parameters_and_extensions_are_pairs() -> None:
    assert parse_parameters("resource=kafka%20eu&tenant=") == {"resource": "kafka eu", "tenant": ""}
    assert parse_extensions("logicalCluster=lkc-1, identityPoolId=pool-2,") == {
        "logicalCluster": "lkc-1",
        "identityPoolId": "pool-2",
    }
