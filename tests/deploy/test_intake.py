"""The intake in the chart: off unless asked for, its sources and secrets, its ports, who may call it, its rights."""

from typing import Any

import yaml
from triage_worker.config.intake_sources import parse
from triage_worker.web.server import FINISH_S

from tests.deploy.manifests import Manifest, environment, of_kind, refusal, render, rendered
from tests.deploy.tools import CHART

NAME = "triage-intake"
SOURCES = "sources:\n- {name: shop, kind: plain, secrets: [{file: /etc/triage/intake-secrets/shop}]}\n"
VALUES: Manifest = {
    "kafka": {"bootstrapServers": "kafka:9092"},
    "intake": {"enabled": True, "sources": SOURCES, "secretsSecret": "secrets"},
}


def pod(manifests: list[Manifest]) -> dict[str, Any]:
    found: dict[str, Any] = of_kind(manifests, "Deployment")[NAME]["spec"]["template"]["spec"]
    return found


def test_it_is_off_unless_it_is_asked_for_and_needs_sources() -> None:
    default = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))["intake"]
    assert default["enabled"] is False
    assert not [item for item in rendered("small") if item["metadata"]["name"] == NAME]
    assert "intake.sources" in refusal(VALUES | {"intake": {"enabled": True}})


def test_the_sources_are_a_file_and_the_secrets_are_files_that_can_change() -> None:
    manifests = render(VALUES)
    text = of_kind(manifests, "ConfigMap")[NAME]["data"]["intake.yaml"]
    assert [source.name for source in parse(text, "intake.yaml")] == ["shop"]
    container = pod(manifests)["containers"][0]
    mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
    assert environment(container)["TRIAGE_INTAKE_SOURCES"] == f"{mounts['intake']['mountPath']}/intake.yaml"
    assert mounts["intake-secrets"]["mountPath"] == "/etc/triage/intake-secrets"
    assert "subPath" not in mounts["intake-secrets"], "Kubernetes does not update files that are mounted by it"
    before = of_kind(manifests, "Deployment")[NAME]["spec"]["template"]["metadata"]["annotations"]
    changed = VALUES | {"intake": VALUES["intake"] | {"sources": SOURCES.replace("shop", "other", 1)}}
    after = of_kind(render(changed), "Deployment")[NAME]["spec"]["template"]["metadata"]["annotations"]
    assert before["checksum/intake"] != after["checksum/intake"]


def test_webhooks_have_a_port_of_their_own() -> None:
    manifests = render(VALUES)
    container = pod(manifests)["containers"][0]
    ports = {port["name"]: str(port["containerPort"]) for port in container["ports"]}
    given = environment(container)
    assert ports == {"api": given["TRIAGE_HTTP_PORT"], "http": given["TRIAGE_INTAKE_PROBE_PORT"]}
    (port,) = of_kind(manifests, "Service")[NAME]["spec"]["ports"]
    assert (port["port"], port["targetPort"]) == (80, "api")


def test_callers_reach_the_webhooks_only_and_it_reaches_kafka_and_mailboxes() -> None:
    callers = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress"}}}]
    policy = of_kind(render(VALUES | {"intake": VALUES["intake"] | {"allowFrom": callers}}), "NetworkPolicy")[NAME]
    scrapes, calls = policy["spec"]["ingress"]
    assert calls == {"from": callers, "ports": [{"port": "api", "protocol": "TCP"}]}
    assert scrapes["ports"] == [{"port": "http", "protocol": "TCP"}]
    reached = {port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]}
    assert {9092, 993} <= reached


def test_it_has_its_group_and_the_time_to_end() -> None:
    spec = pod(render(VALUES))
    assert environment(spec["containers"][0])["TRIAGE_GROUP_ID"] == NAME
    assert spec["terminationGracePeriodSeconds"] > FINISH_S
