"""The chart with values of other installations: OpenShift, no KEDA, several releases, proxies, other DNS."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.manifests import Manifest, environment, of_kind, pods, refusal, render
from tests.deploy.tools import call

ALL: Manifest = {
    "kafka": {
        "bootstrapServers": "b-1.msk.example.com:9096,b-2.msk.example.com:9096",
        "securityProtocol": "SASL_SSL",
        "sasl": {"existingSecret": "kafka-login"},
    },
    "imagePullSecrets": [{"name": "registry"}],
    "podAnnotations": {"sidecar.istio.io/inject": "false"},
    "podSecurityContext": {"runAsUser": None, "runAsGroup": None, "fsGroup": None},
    "extraEnv": [
        {"name": "HTTPS_PROXY", "value": "http://proxy:3128"},
        {"name": "TRIAGE_SSL_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "password"}}},
    ],
    "extraVolumes": [{"name": "proxy-ca", "configMap": {"name": "proxy-ca"}}],
    "extraVolumeMounts": [{"name": "proxy-ca", "mountPath": "/etc/ssl/proxy", "readOnly": True}],
    "topics": {"create": True},
    "worker": {"autoscaling": {"enabled": True, "keda": False}},
    "fallback": {
        "enabled": True,
        "llm": {
            **{"url": "http://vllm.llm.svc:8000/v1", "model": "m", "keyHeader": "x-key"},
            **{"existingSecret": "llm", "apiKeyKey": "key", "headersKey": "headers"},
        },
    },
    "helpdesk": {"enabled": True, "url": "https://x.zendesk.com", "user": "u", "existingSecret": "desk"},
    "tracing": {"endpoint": "http://collector:4318"},
    "monitoring": {"rules": {"enabled": True}},
}
SMALLEST: Manifest = {"kafka": {"bootstrapServers": "kafka:9092"}}
CONSOLE: Manifest = {"enabled": True, "usersSecret": "people"}


@pytest.fixture(scope="module")
def everything() -> list[Manifest]:
    return render(ALL)


def _ports(manifests: list[Manifest], policy: str) -> set[int]:
    rules = of_kind(manifests, "NetworkPolicy")[policy]["spec"]["egress"]
    return {port["port"] for rule in rules for port in rule["ports"]}


def _all_pods(manifests: list[Manifest]) -> dict[str, Any]:
    jobs = {name: job["spec"]["template"]["spec"] for name, job in of_kind(manifests, "Job").items()}
    return dict(pods(manifests)) | jobs


def test_kubernetes_knows_every_field(everything: list[Manifest], tmp_path: Path) -> None:
    file = tmp_path / "all.yaml"
    file.write_text(yaml.safe_dump_all(everything))
    for version in ("1.30", "1.36"):
        call("venv/bin/kubernetes-validate", "--strict", "--quiet", "-k", version, file)


def test_openshift_may_choose_the_user(everything: list[Manifest]) -> None:
    for name, spec in _all_pods(everything).items():
        assert spec["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}, name


def test_extra_variables_and_volumes_are_in_every_container(everything: list[Manifest]) -> None:
    found = _all_pods(everything)
    assert len(found) == 6
    for name, spec in found.items():
        assert spec["imagePullSecrets"] == [{"name": "registry"}]
        assert {"name": "proxy-ca", "configMap": {"name": "proxy-ca"}} in spec["volumes"], name
        assert "/etc/ssl/proxy" in [mount["mountPath"] for mount in spec["containers"][0]["volumeMounts"]], name
        given = environment(spec["containers"][0])
        assert (given["HTTPS_PROXY"], given["TRIAGE_SSL_PASSWORD"]) == ("http://proxy:3128", None)
        assert given["TRIAGE_SASL_PASSWORD"] is None


def test_the_fallback_gets_key_and_headers_of_its_endpoint(everything: list[Manifest]) -> None:
    def variables(manifests: list[Manifest]) -> dict[str, Any]:
        pod = of_kind(manifests, "Deployment")["triage-fallback"]["spec"]["template"]["spec"]
        env = pod["containers"][0]["env"]
        return {
            one["name"]: one.get("value") or one["valueFrom"]["secretKeyRef"]
            for one in env
            if one["name"].startswith("TRIAGE_LLM_")
        }

    given = variables(everything)
    assert given["TRIAGE_LLM_KEY_HEADER"] == "x-key"
    assert given["TRIAGE_LLM_API_KEY"] == {"name": "llm", "key": "key"}
    assert given["TRIAGE_LLM_HEADERS"] == {"name": "llm", "key": "headers"}
    llm = {"url": "http://vllm:8000/v1", "model": "m"}
    without = variables(render(SMALLEST | {"fallback": {"enabled": True, "llm": llm}}))
    assert set(without) == {"TRIAGE_LLM_URL", "TRIAGE_LLM_MODEL"}


def test_the_network_policy_opens_what_the_values_name(everything: list[Manifest]) -> None:
    """A port that is missing in the policy would be a time-out without an error message."""
    reached = {"worker": set(), "router": set(), "fallback": {8000}, "helpdesk": {443}, "test": set()}
    traced = {"worker", "router", "fallback"}
    for component, ports in reached.items():
        expected = {53, 9096} | ports | ({4318} if component in traced else set())
        assert _ports(everything, f"triage-{component}") == expected
    further = render(SMALLEST | {"networkPolicy": {"kafkaPorts": [9094], "dnsPorts": [5353]}})
    assert _ports(further, "triage-worker") == {5353, 9092, 9094}


def test_all_services_get_the_registry_and_reach_it() -> None:
    registry = {"url": "https://a.example.com:8081,https://b.example.com", "existingSecret": "schemas"}
    chosen = {"outputFormat": "avro", "registration": "check"}
    manifests = render(ALL | {"audit": {"enabled": True}, "schemaRegistry": registry | chosen})
    services = {"worker", "router", "fallback", "helpdesk", "audit"}
    found = dict(pods(manifests))
    assert {f"triage-{service}" for service in services} <= set(found)
    for service in services:
        given = environment(found[f"triage-{service}"]["containers"][0])
        assert given["TRIAGE_SCHEMA_REGISTRY_URL"] == registry["url"], service
        assert (given["TRIAGE_OUTPUT_FORMAT"], given["TRIAGE_SCHEMA_REGISTRATION"]) == ("avro", "check")
        assert given["TRIAGE_SCHEMA_REGISTRY_PASSWORD"] is None, "it is from the Secret"
        assert "TRIAGE_SCHEMA_COMPATIBILITY" not in given
    for component in services:
        assert {8081, 443} <= _ports(manifests, f"triage-{component}")
    assert 8081 not in _ports(manifests, "triage-test")
    assert "schemaRegistry.url" in refusal(SMALLEST | {"schemaRegistry": {"outputFormat": "avro"}})


def test_empty_lists_of_peers_allow_nobody_in_and_every_address_out() -> None:
    """For Kubernetes, an empty list of peers allows everybody."""
    policies = of_kind(render(SMALLEST | {"networkPolicy": {"scrapeFrom": [], "dnsPeers": []}}), "NetworkPolicy")
    assert policies["triage-worker"]["spec"]["ingress"] == []
    assert "to" not in policies["triage-worker"]["spec"]["egress"][0]


def test_without_keda_it_scales_by_cpu(everything: list[Manifest]) -> None:
    assert not of_kind(everything, "ScaledObject")
    scaler = of_kind(everything, "HorizontalPodAutoscaler")["triage-worker"]["spec"]
    deployment = of_kind(everything, "Deployment")["triage-worker"]
    assert scaler["scaleTargetRef"]["name"] == deployment["metadata"]["name"]
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (2, 12)
    cpu = scaler["metrics"][0]["containerResource"]
    assert cpu["container"] == deployment["spec"]["template"]["spec"]["containers"][0]["name"]
    assert cpu["target"]["averageUtilization"] == 70
    assert scaler["behavior"]["scaleDown"]["stabilizationWindowSeconds"] == 600
    assert "replicas" not in deployment["spec"]
    nothing = {"autoscaling": {"enabled": True, "keda": False, "cpuUtilization": 0}}
    assert "nothing to scale by" in refusal(SMALLEST | {"worker": nothing})


def test_a_job_creates_topics_before_the_services_if_enabled(everything: list[Manifest]) -> None:
    job = of_kind(everything, "Job")["triage-topics"]
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    container = job["spec"]["template"]["spec"]["containers"][0]
    assert container["args"] == ["topics", "create", "--partitions", "12"]
    assert "TRIAGE_GROUP_ID" not in environment(container)
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert not of_kind(render(SMALLEST), "Job")
    both = {"topics": {"create": True}, "strimzi": {"topics": {"enabled": True}, "cluster": "c"}}
    assert "topics.create" in refusal(SMALLEST | both)


def test_the_job_of_the_topics_has_a_policy_that_is_there_before_it(everything: list[Manifest]) -> None:
    """The release's own resources come after it: in a namespace that denies everything, it would not reach Kafka."""
    _check_policy_of_the_job(everything)
    assert _ports(everything, "triage-setup") == {53, 9096}
    oauth = {"tokenUrl": "https://login.example.com:8443/token"}
    login = {
        "securityProtocol": "SASL_SSL",
        "sasl": {"mechanism": "OAUTHBEARER", "existingSecret": "login", "oauth": oauth},
    }
    by_token = render({"kafka": SMALLEST["kafka"] | login, "topics": {"create": True}, "console": CONSOLE})
    _check_policy_of_the_job(by_token)
    assert _ports(by_token, "triage-setup") == {53, 9092, 8443}
    assert "triage-setup" not in of_kind(render(SMALLEST), "NetworkPolicy")
    off = {"topics": {"create": True}, "networkPolicy": {"enabled": False}}
    assert not of_kind(render(SMALLEST | off), "NetworkPolicy")


def _check_policy_of_the_job(manifests: list[Manifest]) -> None:
    policies = of_kind(manifests, "NetworkPolicy")
    job, policy = of_kind(manifests, "Job")["triage-topics"], policies["triage-setup"]
    assert policy["spec"]["podSelector"]["matchLabels"].items() <= job["spec"]["template"]["metadata"]["labels"].items()
    known, own = job["metadata"]["annotations"], dict(policy["metadata"]["annotations"])
    assert int(own.pop("helm.sh/hook-weight")) < int(known.get("helm.sh/hook-weight", 0))
    assert own == known, "Helm makes it with the Job, and removes both once all hooks of an event have succeeded"
    assert policy["spec"]["ingress"] == []
    assert policy["spec"]["egress"] == policies["triage-test"]["spec"]["egress"]


def test_the_pods_of_hooks_have_their_own_labels_annotations_and_resources() -> None:
    """A mesh's container in them would not end, and a quota asks them for limits like any pod."""
    limits = {"cpu": "1", "memory": "512Mi"}
    hooks = {
        "podLabels": {"sidecar.istio.io/inject": "false"},
        "podAnnotations": {"linkerd.io/inject": "disabled"},
        "resources": {"limits": limits},
    }
    manifests = render(SMALLEST | {"topics": {"create": True}, "hooks": hooks})
    test = of_kind(manifests, "Pod")["triage-test"]
    job = of_kind(manifests, "Job")["triage-topics"]["spec"]["template"]
    for pod in (test, job):
        assert pod["metadata"]["labels"]["sidecar.istio.io/inject"] == "false"
        assert pod["metadata"]["annotations"]["linkerd.io/inject"] == "disabled"
        assert [each["resources"]["limits"] for each in pod["spec"]["containers"]] == [limits] * len(
            pod["spec"]["containers"]
        )
    services = of_kind(manifests, "Deployment").values()
    assert not [item for item in services if "sidecar.istio.io/inject" in str(item)]


def test_hooks_log_in_as_the_services_do_where_a_cloud_goes_by_the_account() -> None:
    """The Job runs before the chart's own account exists; with an account of the installation it uses that."""
    created = render(SMALLEST | {"topics": {"create": True}})
    assert of_kind(created, "Pod")["triage-test"]["spec"]["serviceAccountName"] == "triage"
    assert "serviceAccountName" not in of_kind(created, "Job")["triage-topics"]["spec"]["template"]["spec"]
    account = {"serviceAccount": {"create": False, "name": "kafka-client"}}
    given = render(SMALLEST | {"topics": {"create": True}} | account)
    found = _all_pods(given)
    assert {"triage-test", "triage-topics"} <= found.keys()
    assert {spec["serviceAccountName"] for spec in found.values()} == {"kafka-client"}


def test_two_releases_share_no_group_and_no_name() -> None:
    seen: set[str] = set()
    for name in ("intents-eu", "intents-us"):
        manifests = render(SMALLEST | {"fullnameOverride": name})
        deployments = of_kind(manifests, "Deployment").values()
        groups = [
            str(environment(item["spec"]["template"]["spec"]["containers"][0])["TRIAGE_GROUP_ID"])
            for item in deployments
        ]
        assert groups == [f"{name}-worker", f"{name}-router"]
        mine = {f"{item['kind']} {item['metadata']['name']}" for item in manifests} | set(groups)
        assert not mine & seen
        seen |= mine


def test_alerts_cover_pods_whose_names_do_not_contain_triage() -> None:
    monitoring = {"monitoring": {"rules": {"enabled": True}}}
    for values, pattern in (({}, '".*triage.*"'), ({"fullnameOverride": "intents"}, '".*triage.*|intents-.*"')):
        rules = next(iter(of_kind(render(SMALLEST | monitoring | values), "PrometheusRule").values()))
        looping = next(
            rule
            for group in rules["spec"]["groups"]
            for rule in group["rules"]
            if rule.get("alert") == "TriageCrashLooping"
        )
        assert f"pod=~{pattern}" in looping["expr"]


def test_long_names_are_cut_to_the_limits_of_labels_and_users() -> None:
    name = "customer-support-intent-classification-for-europe-and-beyond"
    everything = ALL | {"fullnameOverride": name, "strimzi": {"cluster": "c", "users": {"enabled": True}}}
    manifests = render(everything | {"topics": {"create": False}})
    names = [item["metadata"]["name"] for item in manifests if item["kind"] != "KafkaTopic"]
    assert max(map(len, names)) <= 63
    assert all(item.startswith(name[:50]) for item in names)
