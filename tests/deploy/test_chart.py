"""The chart: committed manifests equal its output, and match the schemas of Kubernetes and the operators."""

import json
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import yaml
from triage_worker.config.bundle_paths import parse_bundle_paths

from tests.deploy.manifests import environment, of_kind, refusal, render, rendered
from tests.deploy.tools import CHART, DEPLOY, RENDERED, SIZES, attempt, call, folder

KUBERNETES = ("1.30", "1.33", "1.36")
OURS = "keda.sh", "monitoring.coreos.com"
SMALLEST = {"kafka": {"bootstrapServers": "kafka:9092"}}


@pytest.mark.parametrize("size", SIZES)
def test_the_committed_manifests_equal_the_output_of_the_chart(size: str) -> None:
    values = (CHART / "ci" / f"{size}.yaml").read_text(encoding="utf-8")
    now = call("venv/bin/python", DEPLOY / "check" / "chart.py", "render", given=values)
    committed = (RENDERED / f"{size}.yaml").read_text(encoding="utf-8")
    assert now == committed, "run: deploy/.tools/venv/bin/python deploy/check/chart.py write"


@pytest.mark.parametrize("size", SIZES)
def test_helm_lint_finds_nothing(size: str) -> None:
    values = (CHART / "ci" / f"{size}.yaml").read_text(encoding="utf-8")
    assert json.loads(call("venv/bin/python", DEPLOY / "check" / "chart.py", "lint", given=values)) == []


@pytest.mark.parametrize("version", KUBERNETES)
def test_kubernetes_knows_every_field(version: str) -> None:
    files = [RENDERED / f"{size}.yaml" for size in SIZES]
    call("venv/bin/kubernetes-validate", "--strict", "--quiet", "-k", version, *files)


@pytest.mark.parametrize("size", ["gpu", "medium"])
def test_operators_know_every_field_of_their_resources(size: str) -> None:
    custom = [item for item in rendered(size) if item["apiVersion"].split("/")[0] in OURS]
    assert custom
    call(
        "venv/bin/python",
        DEPLOY / "check" / "crds.py",
        folder("crds"),
        given=json.dumps(custom),
    )


STRIMZI = [item for item in rendered("medium") if item["apiVersion"].startswith("kafka.strimzi.io/")]


def strimzi(resources: str) -> CompletedProcess[str]:
    check = DEPLOY / "check" / "strimzi" / "Check.java"
    return attempt("java", "-cp", f"{folder('strimzi')}/*", check, given=resources)


def test_strimzi_reads_every_field_as_intended() -> None:
    assert {item["kind"] for item in STRIMZI} == {"KafkaTopic", "KafkaUser"}
    done = strimzi(json.dumps(STRIMZI))
    assert done.returncode == 0, done.stderr


BROKEN = {
    '"partitions"': '"partitionz"',
    '"Write"': '"Wriite"',
    '"patternType": "prefix"': '"patternType": "prefixed"',
    '"group", "name"': '"group", "named"',
    '"kind": "KafkaUser"': '"kind": "KafkaUsers"',
}


def test_the_strimzi_check_finds_mistakes() -> None:
    text = json.dumps(STRIMZI)
    assert all(right in text for right in BROKEN)
    done = strimzi(json.dumps([item for right in BROKEN for item in json.loads(text.replace(right, BROKEN[right]))]))
    assert done.returncode == 1
    said = ("unknown [partitionz]", '"Wriite" is read as null', '"prefixed" is read as null', "unknown [named]")
    assert all(line in done.stderr for line in (*said, "no such kind"))


def test_checkov_finds_nothing_but_justified_exceptions() -> None:
    call("checkov/bin/checkov", "--config-file", DEPLOY / "check" / "checkov.yaml", "-d", RENDERED)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({}, "bootstrapServers"),
        ({"kafka": {"bootstrapServers": "kafka"}}, "bootstrapServers"),
        (SMALLEST | {"worker": {"replica": 3}}, "replica"),
        (SMALLEST | {"worker": {"terminationGracePeriodSeconds": 20}}, "terminationGracePeriodSeconds"),
        (SMALLEST | {"settings": {"TRIAGE_SASL_PASSWORD": "open"}}, "TRIAGE_SASL_PASSWORD"),
        (SMALLEST | {"settings": {"BOOTSTRAP": "x"}}, "BOOTSTRAP"),
        (SMALLEST | {"settings": {"TRIAGE_HELPDESK_TOKEN": "open"}}, "TRIAGE_HELPDESK_TOKEN"),
        (SMALLEST | {"fallback": {"settings": {"TRIAGE_LLM_HEADERS": "open"}}}, "TRIAGE_LLM_HEADERS"),
        (SMALLEST | {"fallback": {"enabled": True}}, "fallback.llm.url"),
        (
            SMALLEST | {"fallback": {"enabled": True, "llm": {"url": "http://x", "model": "m", "headersKey": "h"}}},
            "fallback.llm.existingSecret",
        ),
        (SMALLEST | {"helpdesk": {"enabled": True}}, "helpdesk.url"),
        (SMALLEST | {"helpdesk": {"enabled": True, "url": "https://x", "user": "u"}}, "helpdesk.existingSecret"),
        (SMALLEST | {"worker": {"bundle": {"path": "x"}}}, "worker.bundle.existingClaim"),
        (SMALLEST | {"worker": {"bundle": {"existingClaim": "x", "volume": {"emptyDir": {}}}}}, "worker.bundle.volume"),
        (SMALLEST | {"worker": {"bundle": {"languages": {"en": "a", "*": "b"}}}}, "worker.bundle.existingClaim"),
        (SMALLEST | {"worker": {"bundle": {"existingClaim": "x", "languages": {"en": "a"}}}}, "all other languages"),
        (
            SMALLEST | {"console": {"enabled": True, "usersSecret": "users", "promotes": True}},
            "console.promotes needs a store",
        ),
        (
            SMALLEST | {"worker": {"bundle": {"existingClaim": "x", "path": "a", "languages": {"*": "a"}}}},
            "worker.bundle.path and worker.bundle.languages",
        ),
        (SMALLEST | {"worker": {"bundle": {"existingClaim": "x", "languages": {"english": "a"}}}}, "english"),
        (
            SMALLEST
            | {"worker": {"bundle": {"existingClaim": "x", "languages": {"*": "a"}}}, "audit": {"enabled": True}},
            "audit.settings.TRIAGE_BUNDLE",
        ),
        (SMALLEST | {"router": {"replicas": 2, "state": {"existingClaim": "x"}}}, "router.replicas"),
        (SMALLEST | {"tracing": {"env": {"HOME": "/"}}}, "HOME"),
        (SMALLEST | {"worker": {"autoscaling": {"enabled": True, "maxReplicas": 13}}}, "topics.partitions"),
        (SMALLEST | {"strimzi": {"topics": {"enabled": True}}}, "strimzi.cluster"),
        ({"kafka": {"bootstrapServers": "kafka:9092", "securityProtocol": "SASL_SSL"}}, "existingSecret"),
    ],
)
def test_wrong_values_are_refused_by_name(values: dict[str, object], says: str) -> None:
    assert says in refusal(values)


def test_a_digest_overrides_the_tag_and_disabled_services_are_absent() -> None:
    digest = "sha256:" + "0" * 64
    manifests = render(SMALLEST | {"image": {"repository": "r/t", "digest": digest}, "router": {"enabled": False}})
    deployments = of_kind(manifests, "Deployment")
    assert list(deployments) == ["triage-worker"]
    assert deployments["triage-worker"]["spec"]["template"]["spec"]["containers"][0]["image"] == f"r/t@{digest}"


def test_a_bundle_store_is_mounted_as_a_whole_and_read_only() -> None:
    for bundle, serves in (({}, "/bundles"), ({"path": "versions/1"}, "/bundles/versions/1")):
        manifests = render(SMALLEST | {"worker": {"bundle": {"existingClaim": "models"} | bundle}})
        spec = of_kind(manifests, "Deployment")["triage-worker"]["spec"]["template"]["spec"]
        assert environment(spec["containers"][0])["TRIAGE_BUNDLE"] == serves
        assert {"name": "bundles", "mountPath": "/bundles", "readOnly": True} in spec["containers"][0]["volumeMounts"]
        claim = {"persistentVolumeClaim": {"claimName": "models", "readOnly": True}}
        assert {"name": "bundles", **claim} in spec["volumes"]
        check = of_kind(manifests, "Pod")["triage-test"]["spec"]
        assert check["containers"][1]["args"] == ["bundle", "verify", serves]


@pytest.mark.parametrize("promotes", [False, True])
def test_the_console_may_write_the_store_only_if_it_promotes(promotes: bool) -> None:
    console = {"enabled": True, "usersSecret": "users", "promotes": promotes}
    deployments = of_kind(
        render(SMALLEST | {"worker": {"bundle": {"existingClaim": "models"}}, "console": console}), "Deployment"
    )
    for name, read_only in (("console", not promotes), ("worker", True)):
        spec = deployments[f"triage-{name}"]["spec"]["template"]["spec"]
        assert environment(spec["containers"][0])["TRIAGE_BUNDLE"] == "/bundles"
        mount = {"name": "bundles", "mountPath": "/bundles", "readOnly": read_only}
        assert mount in spec["containers"][0]["volumeMounts"]
        claim = {"persistentVolumeClaim": {"claimName": "models", "readOnly": read_only}}
        assert {"name": "bundles", **claim} in spec["volumes"]


def test_the_console_has_the_rules_of_the_router() -> None:
    values = SMALLEST | {"console": {"enabled": True, "usersSecret": "users"}, "router": {"routes": "rules: []"}}
    manifests = render(values)
    assert of_kind(manifests, "ConfigMap")["triage-routes"]["data"] == {"routes.yaml": "rules: []\n"}
    alone = render(values | {"router": {"routes": "rules: []", "enabled": False}})
    spec = of_kind(alone, "Deployment")["triage-console"]["spec"]["template"]["spec"]
    assert environment(spec["containers"][0])["TRIAGE_ROUTES"] == "/etc/triage/routes/routes.yaml"
    assert "triage-routes" in of_kind(alone, "ConfigMap")


def test_bundles_by_language_are_folders_of_the_volume() -> None:
    bundle = {"existingClaim": "models", "languages": {"en": "shop", "*": "multi/"}}
    audit = {"enabled": True, "settings": {"TRIAGE_BUNDLE": "/bundles/shop"}}
    manifests = render(SMALLEST | {"worker": {"bundle": bundle}, "audit": audit})
    paths = "*=/bundles/multi,en=/bundles/shop"
    deployments = of_kind(manifests, "Deployment")
    served = {
        name: environment(deployments[f"triage-{name}"]["spec"]["template"]["spec"]["containers"][0])["TRIAGE_BUNDLE"]
        for name in ("worker", "audit")
    }
    assert served == {"worker": paths, "audit": "/bundles/shop"}
    assert parse_bundle_paths(paths).by_language == {"en": Path("/bundles/shop")}
    check = of_kind(manifests, "Pod")["triage-test"]["spec"]
    assert check["containers"][1]["args"] == ["bundle", "verify", "--bundle", paths]


def test_a_router_with_a_claim_stops_before_the_next_one_starts() -> None:
    deployment = of_kind(render(SMALLEST | {"router": {"state": {"existingClaim": "tables"}}}), "Deployment")
    assert deployment["triage-router"]["spec"]["strategy"] == {"type": "Recreate"}
    assert deployment["triage-worker"]["spec"]["strategy"]["type"] == "RollingUpdate"


def test_yamllint_finds_nothing() -> None:
    files = [*DEPLOY.glob("*.yaml"), *DEPLOY.glob("compose/**/*.yaml"), *DEPLOY.glob("alerts/*.yaml")]
    files += [CHART / "Chart.yaml", CHART / "values.yaml", *CHART.glob("ci/*.yaml"), CHART / "files" / "rules.yaml"]
    call("venv/bin/yamllint", "--strict", "-c", DEPLOY / "check" / "yamllint.yaml", *files)


def test_the_chart_and_the_package_have_one_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    pyproject = (DEPLOY.parent / "pyproject.toml").read_text(encoding="utf-8")
    assert f'version = "{chart["appVersion"]}"' in pyproject
    assert f"ARG VERSION={chart['appVersion']}\n" in (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
