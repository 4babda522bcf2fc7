"""The HTTP service in the chart: its keys, its ports, who may call it, how it scales, and nothing of Kafka."""

from typing import Any

import yaml
from triage_worker.serve.service import STILL_ACCEPTING_S
from triage_worker.web.server import FINISH_S

from tests.deploy.manifests import Manifest, environment, of_kind, refusal, render, rendered
from tests.deploy.tools import CHART

NAME = "triage-serve"
VALUES: Manifest = {"kafka": {"bootstrapServers": "kafka:9092"}, "serve": {"enabled": True, "keysSecret": "keys"}}


def pod(manifests: list[Manifest]) -> dict[str, Any]:
    found: dict[str, Any] = of_kind(manifests, "Deployment")[NAME]["spec"]["template"]["spec"]
    return found


def test_it_is_off_unless_it_is_asked_for_and_needs_keys() -> None:
    default = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))["serve"]
    assert default["enabled"] is False
    assert not [item for item in rendered("small") if item["metadata"]["name"] == NAME]
    assert "serve.keysSecret" in refusal(VALUES | {"serve": {"enabled": True}})


def test_it_gets_nothing_of_kafka() -> None:
    """`medium` has a login, a certificate authority and an audit."""
    spec = pod(rendered("medium"))
    given = environment(spec["containers"][0])
    kafka = ("TRIAGE_SASL", "TRIAGE_SSL", "TRIAGE_SECURITY", "TRIAGE_GROUP", "TRIAGE_CONTROL")
    assert not [name for name in given if name.startswith(kafka)]
    assert "TRIAGE_BOOTSTRAP_SERVERS" not in given
    assert {volume["name"] for volume in spec["volumes"]} == {"tmp", "bundles", "keys"}
    assert NAME not in of_kind(rendered("medium"), "KafkaUser")
    assert of_kind(rendered("medium"), "NetworkPolicy")[NAME]["spec"]["egress"] == []


def test_the_keys_are_a_file_that_can_change_while_it_runs() -> None:
    spec = pod(rendered("medium"))
    container = spec["containers"][0]
    (mount,) = [mount for mount in container["volumeMounts"] if mount["name"] == "keys"]
    assert environment(container)["TRIAGE_SERVE_KEYS"] == f"{mount['mountPath']}/keys.yaml"
    assert "subPath" not in mount, "Kubernetes does not update files that are mounted by it"
    (volume,) = [volume for volume in spec["volumes"] if volume["name"] == "keys"]
    assert volume["secret"]["items"] == [{"key": "keys.yaml", "path": "keys.yaml"}]


def test_the_service_leads_to_the_api_and_probes_have_a_port_of_their_own() -> None:
    manifests = rendered("medium")
    container = pod(manifests)["containers"][0]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    given = environment(container)
    assert {"api": given["TRIAGE_HTTP_PORT"], "http": given["TRIAGE_SERVE_PROBE_PORT"]} == {
        name: str(port) for name, port in ports.items()
    }
    (port,) = of_kind(manifests, "Service")[NAME]["spec"]["ports"]
    assert (port["port"], port["targetPort"]) == (80, "api")
    labels = of_kind(manifests, "Deployment")[NAME]["spec"]["template"]["metadata"]["labels"]
    assert of_kind(manifests, "Service")[NAME]["spec"]["selector"].items() <= labels.items()


def test_callers_reach_the_api_only_and_prometheus_the_metrics_only() -> None:
    callers = [{"namespaceSelector": {"matchLabels": {"team": "shop"}}}]
    policy = of_kind(render(VALUES | {"serve": VALUES["serve"] | {"allowFrom": callers}}), "NetworkPolicy")[NAME]
    scrapes, calls = policy["spec"]["ingress"]
    assert calls == {"from": callers, "ports": [{"port": "api", "protocol": "TCP"}]}
    assert scrapes["ports"] == [{"port": "http", "protocol": "TCP"}]
    closed = {"serve": VALUES["serve"] | {"allowFrom": []}, "networkPolicy": {"scrapeFrom": []}}
    assert of_kind(render(VALUES | closed), "NetworkPolicy")[NAME]["spec"]["ingress"] == []


def test_it_scales_by_cpu() -> None:
    manifests = rendered("medium")
    scaling = of_kind(manifests, "HorizontalPodAutoscaler")[NAME]["spec"]
    assert scaling["scaleTargetRef"]["name"] == NAME
    cpu = scaling["metrics"][0]["containerResource"]
    assert cpu["container"] == "serve"
    assert cpu["target"] == {"type": "Utilization", "averageUtilization": 70}
    assert "replicas" not in of_kind(manifests, "Deployment")[NAME]["spec"]
    assert "HorizontalPodAutoscaler" not in {item["kind"] for item in render(VALUES)}


def test_it_has_time_to_end_after_routers_know_that_it_goes() -> None:
    spec = pod(rendered("medium"))
    sleep_s = spec["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert spec["terminationGracePeriodSeconds"] > sleep_s + STILL_ACCEPTING_S + FINISH_S + 5
