"""Nodes are drained: budgets hold evictions back while a service would lose too much, and only then."""

import json

from tests.cluster.control_plane import Cluster
from tests.cluster.namespaces import Namespace
from tests.cluster.programs import MARKS, until
from tests.deploy.manifests import Manifest
from tests.deploy.tools import CHART

pytestmark = MARKS

NOT_READY = {"status": {"conditions": [{"type": kind, "status": "False"} for kind in ("Ready", "ContainersReady")]}}


def workers(namespace: Namespace) -> list[Manifest]:
    return namespace.items("pods", "--selector", "app.kubernetes.io/component=worker")


def ready(pod: Manifest) -> bool:
    return any(each["type"] == "Ready" and each["status"] == "True" for each in pod["status"].get("conditions", ()))


def drain(cluster: Cluster, namespace: Namespace, node: str, timeout: str) -> str:
    """Evict the release's pods from a node and return what kubectl says; fails with nothing."""
    arguments = ("drain", node, "--ignore-daemonsets", "--delete-emptydir-data", f"--timeout={timeout}")
    selector = f"--pod-selector=app.kubernetes.io/instance=triage-{namespace.name}"
    done = cluster.attempt("kubectl", *arguments, selector)
    return done.stdout + done.stderr


def test_a_drain_waits_while_another_worker_is_not_ready(cluster: Cluster, namespace: Namespace) -> None:
    namespace.install(f"triage-{namespace.name}", "--values", CHART / "ci" / "small.yaml")
    leaving, other = workers(namespace)
    node = leaving["spec"]["nodeName"]
    assert node != other["spec"]["nodeName"], "the workers are not spread over nodes"
    name = other["metadata"]["name"]
    patch = ("patch", "pod", name, "--namespace", namespace.name, "--subresource=status", "--type=strategic")
    try:
        cluster.kubectl(*patch, "--patch", json.dumps(NOT_READY))
        (budget,) = namespace.items("poddisruptionbudgets", "--selector", "app.kubernetes.io/component=worker")
        until(lambda: allowed(namespace) == 0, 30)
        assert budget["spec"]["maxUnavailable"] == 1

        refused = drain(cluster, namespace, node, "15s")
        assert "violate the pod's disruption budget" in refused
        assert leaving["metadata"]["name"] in {pod["metadata"]["name"] for pod in workers(namespace)}

        restored = json.dumps(NOT_READY).replace('"False"', '"True"')
        cluster.kubectl(*patch, "--patch", restored)
        done = drain(cluster, namespace, node, "60s")
        assert f"node/{node} drained" in done
        until(lambda: len([pod for pod in workers(namespace) if ready(pod)]) == 2, 60)
        assert node not in {pod["spec"]["nodeName"] for pod in workers(namespace)}
    finally:
        cluster.kubectl("uncordon", node)


def allowed(namespace: Namespace) -> int:
    """How many workers may be evicted now."""
    (budget,) = namespace.items("poddisruptionbudgets", "--selector", "app.kubernetes.io/component=worker")
    return int(budget["status"]["disruptionsAllowed"])


def test_all_nodes_can_be_drained_one_after_the_other(cluster: Cluster, namespace: Namespace) -> None:
    """A budget that never lets go would stop every upgrade of the cluster."""
    namespace.install(f"triage-{namespace.name}", "--values", CHART / "ci" / "small.yaml")
    for node in ("node-a", "node-b", "node-c"):
        try:
            assert f"node/{node} drained" in drain(cluster, namespace, node, "90s")
        finally:
            cluster.kubectl("uncordon", node)
    until(lambda: len([pod for pod in workers(namespace) if ready(pod)]) == 2, 60)
