"""The chart with logins by token: variables, files, ports, and how KEDA logs in."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from triage_worker.config.settings import Settings

from tests.deploy.manifests import Manifest, environment, of_kind, refusal, render
from tests.deploy.tools import call

ENDPOINT = "https://login.example.com:8443/realms/shop/protocol/openid-connect/token"
MSK = "b-1.shop.abc123.c2.kafka.eu-west-1.amazonaws.com:9098,b-2.shop.abc123.c2.kafka.eu-west-1.amazonaws.com:9098"


def values(oauth: Manifest, *, servers: str = "kafka:9093", keda: bool = False, **more: Any) -> Manifest:
    """Return the values of a login by token; the autoscaler uses KEDA, or the CPU alone."""
    sasl = {"mechanism": "OAUTHBEARER", "oauth": oauth, **({"existingSecret": "login"} if "tokenUrl" in oauth else {})}
    kafka = {"bootstrapServers": servers, "securityProtocol": "SASL_SSL", "sasl": sasl}
    return {"kafka": kafka, "worker": {"autoscaling": {"enabled": True, "keda": keda}}, **more}


OIDC = {
    **{"tokenUrl": ENDPOINT, "scope": "kafka other", "caSecret": "issuer-ca", "clientAuth": "post"},
    **{"extensions": "logicalCluster=lkc-1,identityPoolId=pool-2"},
}


def container(manifests: list[Manifest], service: str = "worker") -> Manifest:
    found: Manifest = of_kind(manifests, "Deployment")[f"triage-{service}"]["spec"]["template"]["spec"]["containers"][0]
    return found


def egress(manifests: list[Manifest], service: str = "worker") -> set[int]:
    rules = of_kind(manifests, "NetworkPolicy")[f"triage-{service}"]["spec"]["egress"]
    return {port["port"] for rule in rules for port in rule["ports"]}


def scaling(manifests: list[Manifest]) -> tuple[Manifest, Manifest]:
    """Return the metadata of KEDA's Kafka trigger, and the spec of its authentication."""
    trigger = of_kind(manifests, "ScaledObject")["triage-worker"]["spec"]["triggers"][0]
    assert trigger["authenticationRef"] == {"name": "triage-worker"}
    return trigger["metadata"], of_kind(manifests, "TriggerAuthentication")["triage-worker"]["spec"]


@pytest.mark.parametrize("service", ["worker", "router", "helpdesk"])
def test_a_client_of_an_issuer_gets_all_that_it_needs(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = {"enabled": True, "url": "https://x.zendesk.com", "user": "u", "existingSecret": "desk"}
    manifests = render(values(OIDC, helpdesk=desk))
    made = container(manifests, service)
    given = environment(made)
    assert not {"TRIAGE_SASL_USERNAME", "TRIAGE_SASL_PASSWORD"} & set(given)
    for name, value in given.items():
        monkeypatch.setenv(name, "from-a-secret" if value is None else value)
    settings = Settings.load()
    assert settings.logs_in_by_token
    assert (settings.oauth_token_url, settings.oauth_scope, settings.oauth_client_auth) == (
        ENDPOINT,
        "kafka other",
        "post",
    )
    secrets = {
        one["name"]: one["valueFrom"]["secretKeyRef"]
        for one in made["env"]
        if one["name"].startswith("TRIAGE_OAUTH") and "valueFrom" in one
    }
    assert secrets == {
        "TRIAGE_OAUTH_CLIENT_ID": {"name": "login", "key": "client-id"},
        "TRIAGE_OAUTH_CLIENT_SECRET": {"name": "login", "key": "client-secret"},
    }
    assert str(settings.oauth_ssl_cafile) == "/etc/triage/issuer/ca.crt"
    assert "/etc/triage/issuer" in [mount["mountPath"] for mount in made["volumeMounts"]]
    assert 8443 in egress(manifests, service)


def test_keda_logs_in_as_the_same_client() -> None:
    trigger, authentication = scaling(render(values(OIDC, keda=True)))
    assert (trigger["sasl"], trigger["tls"]) == ("oauthbearer", "enable")
    assert "saslTokenProvider" not in trigger
    assert {one["parameter"]: one["name"] for one in authentication["env"]} == {
        "oauthTokenEndpointUri": "TRIAGE_OAUTH_TOKEN_URL",
        "scopes": "TRIAGE_OAUTH_SCOPE",
        "oauthExtensions": "TRIAGE_OAUTH_EXTENSIONS",
    }
    assert authentication["secretTargetRef"] == [
        {"parameter": "username", "name": "login", "key": "client-id"},
        {"parameter": "password", "name": "login", "key": "client-secret"},
    ]


def test_the_variables_that_keda_reads_are_in_the_workers_container() -> None:
    manifests = render(values(OIDC, keda=True))
    _, authentication = scaling(manifests)
    made = container(manifests)
    assert {one["containerName"] for one in authentication["env"]} == {made["name"]}
    assert {one["name"] for one in authentication["env"]} <= set(environment(made))


@pytest.mark.parametrize(
    ("servers", "region"),
    [(MSK, None), ("boot-x.c1.kafka-serverless.us-gov-west-1.amazonaws.com:9098", None), ("proxy:9098", "us-east-1")],
)
def test_keda_logs_in_to_amazon_by_the_workers_identity(servers: str, region: str | None) -> None:
    oauth = {"provider": "aws", **({"awsRegion": region} if region else {})}
    manifests = render(values(oauth, servers=servers, keda=True))
    trigger, authentication = scaling(manifests)
    assert (trigger["sasl"], trigger["saslTokenProvider"], trigger["tls"]) == ("oauthbearer", "aws_msk_iam", "enable")
    assert trigger["awsRegion"] in {"eu-west-1", "us-gov-west-1", "us-east-1"}
    assert trigger["awsRegion"] in (region or servers)
    assert authentication == {"podIdentity": {"provider": "aws", "identityOwner": "workload"}}
    given = environment(container(manifests))
    assert (given["TRIAGE_OAUTH_PROVIDER"], given.get("AWS_REGION")) == ("aws", region)
    assert {80, 443} <= egress(manifests)


@pytest.mark.parametrize(
    ("provider", "ports"), [("azure", {80, 443}), ("gcp", {80, 443, 988}), ("shop.logins:token", {443})]
)
def test_other_providers_need_no_secret(provider: str, ports: set[int]) -> None:
    manifests = render(values({"provider": provider}))
    given = environment(container(manifests))
    assert {name for name in given if name.startswith("TRIAGE_OAUTH_")} == {"TRIAGE_OAUTH_PROVIDER"}
    assert given["TRIAGE_OAUTH_PROVIDER"] == provider
    assert egress(manifests) == {53, 9093} | ports


def test_peers_of_the_issuer_can_be_restricted() -> None:
    peer = {"ipBlock": {"cidr": "10.0.0.0/16"}}
    manifests = render(values(OIDC, networkPolicy={"loginPeers": [peer], "loginPorts": [9999]}))
    rules = of_kind(manifests, "NetworkPolicy")["triage-worker"]["spec"]["egress"]
    (rule,) = [rule for rule in rules if {port["port"] for port in rule["ports"]} == {8443, 9999}]
    assert rule["to"] == [peer]


def test_without_tokens_nothing_is_opened() -> None:
    plain = {"kafka": {"bootstrapServers": "kafka:9092"}}
    assert egress(render(plain)) == {53, 9092}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (values({"provider": "oidc"}), "kafka.sasl.oauth.tokenUrl"),
        (values({"provider": "keycloak"}), "provider"),
        (values({"tokenUrl": "http://login.example.com/token"}), "tokenUrl"),
        (values({"provider": "gcp"}, keda=True), "worker.autoscaling.keda"),
        (values({"provider": "shop.logins:token"}, keda=True), "worker.autoscaling.keda"),
        (values({**OIDC, "audience": "kafka"}, keda=True), "kafka.sasl.oauth.audience"),
        (values({"provider": "aws"}, keda=True), "kafka.sasl.oauth.awsRegion"),
        (values(OIDC, strimzi={"cluster": "c", "users": {"enabled": True}}), "strimzi.users.enabled"),
        (values(OIDC, settings={"TRIAGE_OAUTH_CLIENT_SECRET": "open"}), "TRIAGE_OAUTH_CLIENT_SECRET"),
    ],
)
def test_wrong_values_are_refused_by_name(given: Manifest, says: str) -> None:
    assert says in refusal(given)


def test_a_client_needs_a_secret() -> None:
    without = values(OIDC)
    del without["kafka"]["sasl"]["existingSecret"]
    assert "kafka.sasl.existingSecret" in refusal(without)


@pytest.mark.parametrize("version", ["1.30", "1.36"])
def test_kubernetes_knows_every_field(tmp_path: Path, version: str) -> None:
    file = tmp_path / "logins.yaml"
    file.write_text(yaml.safe_dump_all(render(values(OIDC))))
    call("venv/bin/kubernetes-validate", "--strict", "--quiet", "-k", version, file)
