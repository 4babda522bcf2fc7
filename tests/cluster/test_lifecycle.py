"""Each of the chart's example values is installed, tested, upgraded, rolled back and uninstalled."""

import json
from pathlib import Path

import pytest

from tests.cluster.chart import earlier_chart, pod_specs, references
from tests.cluster.control_plane import Cluster
from tests.cluster.namespaces import Namespace, inventory, settled
from tests.cluster.programs import MARKS, until
from tests.deploy.manifests import Manifest, of_kind
from tests.deploy.tools import CHART, SIZES

pytestmark = MARKS

FORBIDDEN: Manifest = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "root"},
    "spec": {"containers": [{"name": "root", "image": "triage"}]},
}


def example(size: str) -> tuple[str, Path]:
    """The flags for an example's values."""
    return ("--values", CHART / "ci" / f"{size}.yaml")


def log_levels(namespace: Namespace) -> set[str]:
    """What the workers' pods have for TRIAGE_LOG_LEVEL; empty text if they have nothing."""
    found = namespace.items("pods", "--selector", "app.kubernetes.io/component=worker")
    variables = [{one["name"]: one.get("value", "") for one in pod["spec"]["containers"][0]["env"]} for pod in found]
    return {each.get("TRIAGE_LOG_LEVEL", "") for each in variables}


def all_ready(namespace: Namespace) -> bool:
    """Whether every Deployment has all of its pods, also those that an autoscaler has just added."""
    found = namespace.items("deployments")
    assert found
    return all(item["status"].get("readyReplicas") == item["spec"]["replicas"] for item in found)


@pytest.mark.parametrize("size", SIZES)
def test_a_release_lives_and_leaves_nothing_behind(cluster: Cluster, namespace: Namespace, size: str) -> None:
    manifests = namespace.manifests("triage", *example(size))
    namespace.prepare(manifests)
    before = inventory(cluster)

    namespace.install("triage", *example(size))
    made = references(manifests, "configMap")
    assert made.keys() <= {item["metadata"]["name"] for item in namespace.items("configmaps")}
    until(lambda: all_ready(namespace), 60)

    assert "Phase:          Succeeded" in namespace.test("triage")

    namespace.upgrade("triage", *example(size), "--set", "settings.TRIAGE_LOG_LEVEL=debug")
    until(lambda: log_levels(namespace) == {"debug"}, 60)  # the last of the old pods may still be ending
    namespace.rollback("triage", 1)
    until(lambda: log_levels(namespace) == {""}, 60)

    namespace.uninstall("triage")
    kept = {
        f"KafkaTopic {namespace.name} {item['metadata']['name']}"
        for item in manifests
        if item["kind"] == "KafkaTopic"  # a release that is removed must not take messages with it
    }
    settled(cluster, before | kept)


@pytest.mark.parametrize("size", SIZES)
def test_the_earlier_version_is_upgraded_and_can_return(namespace: Namespace, tmp_path: Path, size: str) -> None:
    chart = earlier_chart(tmp_path / "earlier")
    if chart is None:
        pytest.skip("this clone has no earlier version of the chart")
    old_values = ("--values", chart / "ci" / f"{size}.yaml")
    namespace.install("triage", *old_values, chart=chart)
    old = of_kind(namespace.items("deployments"), "Deployment")

    namespace.upgrade("triage", *example(size))
    new = of_kind(namespace.items("deployments"), "Deployment")
    assert old.keys() <= new.keys()
    assert [old[name]["metadata"]["uid"] for name in old] == [new[name]["metadata"]["uid"] for name in old]

    namespace.rollback("triage", 1)
    back = of_kind(namespace.items("deployments"), "Deployment")
    assert back.keys() == old.keys()
    for name, item in back.items():
        assert item["spec"]["template"]["spec"] == old[name]["spec"]["template"]["spec"]


@pytest.mark.parametrize("size", SIZES)
def test_the_api_server_knows_every_field_and_finds_no_immutable_one_changed(
    cluster: Cluster, namespace: Namespace, tmp_path: Path, size: str
) -> None:
    chart = earlier_chart(tmp_path / "earlier")
    if chart is None:
        pytest.skip("this clone has no earlier version of the chart")
    namespace.install("triage", "--values", chart / "ci" / f"{size}.yaml", chart=chart)
    manifests = namespace.manifests("triage", *example(size), "--no-hooks")
    checked = cluster.kubectl(
        "apply",
        *("--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "--filename", "-"),
        given=json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests}),
    )
    assert checked.count("serverside-applied (server dry run)") == len(manifests)


def test_the_namespace_refuses_pods_that_may_too_much(cluster: Cluster, namespace: Namespace) -> None:
    """Without this, the other tests would not show that the chart's pods keep the standard."""
    done = cluster.attempt(
        "kubectl", "create", "--namespace", namespace.name, "--filename", "-", given=json.dumps(FORBIDDEN)
    )
    assert done.returncode != 0
    assert 'violates PodSecurity "restricted:latest"' in done.stderr


@pytest.mark.parametrize("size", SIZES)
def test_policies_are_stored_as_they_are_written(namespace: Namespace, size: str) -> None:
    written = of_kind(namespace.manifests("triage", *example(size)), "NetworkPolicy")
    assert written
    namespace.install("triage", *example(size))
    stored = of_kind(namespace.items("networkpolicies"), "NetworkPolicy")
    assert {name: item["spec"] for name, item in stored.items()} == {
        name: {key: value for key, value in item["spec"].items() if value != []} for name, item in written.items()
    }


def test_two_releases_in_one_namespace_do_not_meet(namespace: Namespace) -> None:
    for release in ("triage", "shop"):
        namespace.install(release, *example("small"))
    deployments = namespace.items("deployments")
    for kind in ("deployments", "poddisruptionbudgets"):
        for item in namespace.items(kind):
            labels = ",".join(f"{key}={value}" for key, value in item["spec"]["selector"]["matchLabels"].items())
            selected = namespace.items("pods", "--selector", labels)
            owner = item["metadata"]["labels"]["app.kubernetes.io/instance"]
            assert selected
            assert {pod["metadata"]["labels"]["app.kubernetes.io/instance"] for pod in selected} == {owner}
    groups = [
        variable["value"]
        for spec in pod_specs(deployments)
        for variable in spec["containers"][0]["env"]
        if variable["name"] == "TRIAGE_GROUP_ID"
    ]
    assert len(groups) == len(set(groups)) == len(deployments)
    same_names = namespace.attempt("install", "shop-triage", CHART, *example("small"))
    assert same_names.returncode != 0
    assert "invalid ownership metadata" in same_names.stderr
    namespace.uninstall("shop")
    left = {item["metadata"]["labels"]["app.kubernetes.io/instance"] for item in namespace.items("deployments")}
    assert left == {"triage"}
