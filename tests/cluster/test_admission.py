"""Namespaces that limit what pods may use, and service meshes that add a container to each."""

import json
from pathlib import Path

import pytest

from tests.cluster.conftest import write_values
from tests.cluster.control_plane import Cluster
from tests.cluster.namespaces import Namespace
from tests.cluster.programs import MARKS
from tests.deploy.manifests import Manifest
from tests.deploy.tools import CHART, SIZES

pytestmark = MARKS

SERVICES = ("worker", "router", "fallback", "helpdesk", "audit", "serve", "intake", "console")
CPU = {"resources": {"limits": {"cpu": "4"}}}


def quota(namespace: str, *limits: str) -> Manifest:
    """A quota that is large enough, and makes the API server ask every container for these amounts."""
    hard = {name: "400Gi" if "memory" in name else "200" for name in limits}
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "quota", "namespace": namespace},
        "spec": {"hard": {**hard, "pods": "60"}},
    }


@pytest.mark.parametrize("size", SIZES)
def test_every_container_says_what_a_quota_asks_for(cluster: Cluster, namespace: Namespace, size: str) -> None:
    cluster.apply(quota(namespace.name, "requests.cpu", "requests.memory", "limits.memory"))
    namespace.install("triage", "--values", CHART / "ci" / f"{size}.yaml")
    assert "Phase:          Succeeded" in namespace.test("triage")


@pytest.mark.parametrize("size", SIZES)
def test_a_quota_of_cpu_limits_can_be_kept(
    cluster: Cluster, namespace: Namespace, size: str, values_file: Path
) -> None:
    cluster.apply(quota(namespace.name, "requests.cpu", "requests.memory", "limits.memory", "limits.cpu"))
    example = ("--values", CHART / "ci" / f"{size}.yaml")
    limited = {**dict.fromkeys((*SERVICES, "hooks"), CPU), **creation(size)}
    given = write_values(values_file, limited)
    namespace.install("triage", *example, "--values", given)
    assert "Phase:          Succeeded" in namespace.test("triage")


def creation(size: str) -> Manifest:
    """Values that add the Job of the topics, where Strimzi does not make them."""
    return {} if size == "medium" else {"topics": {"create": True}}


@pytest.mark.parametrize("size", SIZES)
def test_the_defaults_of_a_limit_range_fit(
    cluster: Cluster, namespace: Namespace, size: str, values_file: Path
) -> None:
    span = {
        "type": "Container",
        "default": {"cpu": "1"},
        "defaultRequest": {"cpu": "100m"},
        "min": {"cpu": "50m", "memory": "64Mi"},
        "max": {"cpu": "8", "memory": "16Gi"},
    }
    cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "LimitRange",
            "metadata": {"name": "limits", "namespace": namespace.name},
            "spec": {"limits": [span]},
        }
    )
    namespace.install(
        "triage", "--values", CHART / "ci" / f"{size}.yaml", "--values", write_values(values_file, creation(size))
    )
    assert "Phase:          Succeeded" in namespace.test("triage")


def test_a_mesh_gets_its_annotations_and_leaves_hooks_alone(
    cluster: Cluster, namespace: Namespace, values_file: Path
) -> None:
    inject, skip = {"sidecar.istio.io/inject": "true"}, {"sidecar.istio.io/inject": "false"}
    given = {
        "podLabels": inject,
        "podAnnotations": {"proxy.istio.io/config": '{"holdApplicationUntilProxyStarts": true}'},
        "hooks": {"podLabels": skip, "podAnnotations": {"linkerd.io/inject": "disabled"}},
        "topics": {"create": True},
    }
    cluster.kubectl("label", "namespace", namespace.name, "istio-injection=enabled")
    arguments = ("--values", CHART / "ci" / "small.yaml", "--values", write_values(values_file, given))
    namespace.install("triage", *arguments)
    pods = namespace.items("pods")
    assert pods
    for pod in pods:
        assert pod["metadata"]["labels"]["sidecar.istio.io/inject"] == "true"
        assert json.loads(pod["metadata"]["annotations"]["proxy.istio.io/config"])
    hooks = [item for item in namespace.manifests("triage", *arguments) if item["kind"] in {"Job", "Pod"}]
    assert {item["kind"] for item in hooks} == {"Job", "Pod"}
    for item in hooks:
        metadata = (item["spec"]["template"] if item["kind"] == "Job" else item)["metadata"]
        assert metadata["labels"]["sidecar.istio.io/inject"] == "false"
        assert metadata["annotations"]["linkerd.io/inject"] == "disabled"
    assert "Phase:          Succeeded" in namespace.test("triage")
