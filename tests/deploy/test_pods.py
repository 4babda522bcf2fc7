"""Security, probes, resources and scaling of the pods, in every rendered size."""

import json
import re

import pytest
from triage_worker.config.settings import Settings
from triage_worker.config.sources import variable
from triage_worker.observability import tracing
from triage_worker.streaming import process_end

from tests.deploy.manifests import environment, of_kind, pods, rendered
from tests.deploy.tools import CHART, SIZES


@pytest.mark.parametrize("size", SIZES)
def test_pods_are_restricted(size: str) -> None:
    """The Pod Security Standard `restricted`, and a read-only root file system beyond it."""
    found = dict(pods(rendered(size)))
    assert found
    for name, spec in found.items():
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["runAsUser"] > 0
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["automountServiceAccountToken"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
        allowed = {"emptyDir", "secret", "configMap", "persistentVolumeClaim"}
        assert all(set(volume) - {"name"} <= allowed for volume in spec["volumes"])
        for container in spec["containers"]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["readOnlyRootFilesystem"] is True
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert "privileged" not in context


@pytest.mark.parametrize("size", SIZES)
def test_every_variable_is_a_setting_that_accepts_the_value(size: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, spec in pods(rendered(size)):
        for container in spec["containers"]:
            given = {name: value for name, value in environment(container).items() if not name.startswith("OTEL_")}
            known = {variable(field) for field in Settings.model_fields}
            assert set(given) <= known, name
            with monkeypatch.context() as patch:
                for key, value in given.items():
                    patch.setenv(key, "from-a-secret" if value is None else value)
                settings = Settings.load()
            assert all(settings.source(field) == "environment" for field in given_fields(given))


def given_fields(given: dict[str, str | None]) -> list[str]:
    return [name.removeprefix("TRIAGE_").lower() for name in given]


@pytest.mark.parametrize("size", SIZES)
def test_secrets_come_from_secrets(size: str) -> None:
    secret = secrets()
    for _, spec in pods(rendered(size)):
        for container in spec["containers"]:
            values = environment(container)
            assert all(values[name] is None for name in secret & set(values))


def secrets() -> set[str]:
    fields = Settings.model_json_schema()["properties"]
    found = {variable(name) for name, field in fields.items() if '"writeOnly": true' in json.dumps(field)}
    assert found >= {"TRIAGE_SASL_PASSWORD", "TRIAGE_SSL_PASSWORD", "TRIAGE_LLM_API_KEY", "TRIAGE_HELPDESK_TOKEN"}
    return found


def test_values_take_every_setting_that_is_no_secret() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))["properties"]
    names = ("worker", "router", "fallback", "helpdesk", "serve", "intake", "console")
    services = [schema[name]["properties"] for name in names]
    for names in (holder["settings"]["propertyNames"] for holder in (schema, *services)):
        refused = {
            variable(name) for name in Settings.model_fields if re.search(names["not"]["pattern"], variable(name))
        }
        assert refused == secrets()


@pytest.mark.parametrize("size", SIZES)
def test_services_have_probes_and_time_to_drain(size: str) -> None:
    for item in of_kind(rendered(size), "Deployment").values():
        spec = item["spec"]["template"]["spec"]
        container = spec["containers"][0]
        settings = environment(container)
        drain_s = float(settings.get("TRIAGE_DRAIN_TIMEOUT_S") or Settings.model_fields["drain_timeout_s"].default)
        assert spec["terminationGracePeriodSeconds"] > drain_s + process_end.LIMIT_S
        paths = {probe: container[probe]["httpGet"]["path"] for probe in container if probe.endswith("Probe")}
        assert paths == {"startupProbe": "/livez", "livenessProbe": "/livez", "readinessProbe": "/readyz"}
        assert settings["TRIAGE_HTTP_PORT"] == str(container["ports"][0]["containerPort"])


def test_only_services_that_export_spans_get_the_endpoint() -> None:
    manifests = rendered("medium")
    for name, item in of_kind(manifests, "Deployment").items():
        given = environment(item["spec"]["template"]["spec"]["containers"][0])
        asked = [key for key in given if key.startswith("OTEL_")]
        ports = {
            port["port"]
            for rule in of_kind(manifests, "NetworkPolicy")[name]["spec"]["egress"]
            for port in rule["ports"]
        }
        traced = name not in {"triage-helpdesk", "triage-audit", "triage-serve", "triage-intake", "triage-console"}
        assert (tracing.ENDPOINTS[1] in asked, tracing.SAMPLER in asked, 4318 in ports) == (traced, traced, traced)
    assert not [
        key for _, spec in pods(rendered("small")) for key in environment(spec["containers"][0]) if "OTEL" in key
    ]


@pytest.mark.parametrize("size", SIZES)
def test_the_router_has_a_volume_for_its_tables(size: str) -> None:
    spec = of_kind(rendered(size), "Deployment")["triage-router"]["spec"]["template"]["spec"]
    mounts = {mount["mountPath"]: mount["name"] for mount in spec["containers"][0]["volumeMounts"]}
    folder = environment(spec["containers"][0])["TRIAGE_STATE_DIR"]
    volume = next(volume for volume in spec["volumes"] if volume["name"] == mounts[str(folder)])
    assert "sizeLimit" in volume["emptyDir"]


@pytest.mark.parametrize("size", SIZES)
def test_the_worker_has_a_quota_of_whole_cores(size: str) -> None:
    """It runs as many batches in parallel as its quota has cores; without a quota, as the node has."""
    spec = of_kind(rendered(size), "Deployment")["triage-worker"]["spec"]["template"]["spec"]
    resources = spec["containers"][0]["resources"]
    assert resources["limits"]["cpu"] == resources["requests"]["cpu"]
    assert int(resources["limits"]["cpu"]) > 0


def test_a_gpu_worker_requests_a_gpu_and_refuses_to_start_without() -> None:
    spec = of_kind(rendered("gpu"), "Deployment")["triage-worker"]["spec"]["template"]["spec"]
    assert spec["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert environment(spec["containers"][0])["TRIAGE_DEVICE"] == "cuda"
    assert spec["nodeSelector"]


@pytest.mark.parametrize("size", SIZES)
def test_each_service_has_a_disruption_budget_a_network_policy_and_is_spread(size: str) -> None:
    manifests = rendered(size)
    deployments = of_kind(manifests, "Deployment")
    budgets = of_kind(manifests, "PodDisruptionBudget")
    policies = of_kind(manifests, "NetworkPolicy")
    for name, item in deployments.items():
        labels = item["spec"]["template"]["metadata"]["labels"]
        selectors = [
            item["spec"]["selector"]["matchLabels"],
            budgets[name]["spec"]["selector"]["matchLabels"],
            policies[name]["spec"]["podSelector"]["matchLabels"],
        ]
        spec = item["spec"]["template"]["spec"]
        selectors += [spread["labelSelector"]["matchLabels"] for spread in spec["topologySpreadConstraints"]]
        assert len(selectors) == 5
        assert all(selector.items() <= labels.items() for selector in selectors)
        assert policies[name]["spec"]["policyTypes"] == ["Ingress", "Egress"]


@pytest.mark.parametrize("size", ["medium", "gpu"])
def test_scaling_stays_within_the_partitions_and_is_slow_to_scale_down(size: str) -> None:
    manifests = rendered(size)
    scaling = of_kind(manifests, "ScaledObject")["triage-worker"]["spec"]
    deployment = of_kind(manifests, "Deployment")["triage-worker"]
    kafka = scaling["triggers"][0]["metadata"]
    settings = environment(deployment["spec"]["template"]["spec"]["containers"][0])
    assert "replicas" not in deployment["spec"]
    assert kafka["consumerGroup"] == settings["TRIAGE_GROUP_ID"]
    assert kafka["topic"] == settings["TRIAGE_INPUT_TOPIC"]
    behavior = scaling["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    assert behavior["scaleDown"]["stabilizationWindowSeconds"] >= 300
    assert scaling["fallback"]["replicas"] >= scaling["minReplicaCount"]
    assert scaling["maxReplicaCount"] <= {"medium": 24, "gpu": 48}[size]
