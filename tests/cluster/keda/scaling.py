"""One release of the chart that KEDA scales, with values that make a test short."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from tests.cluster.chart import worker_alone
from tests.cluster.control_plane import Cluster
from tests.cluster.keda.replicas import ReplicaWatch
from tests.deploy.tools import CHART
from tests.kafka.harness import KafkaHarness

PARTITIONS = 8
"""Of the input topic; `topics.partitions` says 12, so that the chart's own limit is not what holds."""

POLLING_S = 15
THRESHOLD = 100
"""Messages of lag for each pod: 10 a second × 10 s."""

MOST = 12
FALLBACK = 4
UP = {"pods": 4, "periodSeconds": 30}
DOWN = {"pods": 1, "periodSeconds": 15, "stabilizationSeconds": 30}
RELEASE = "triage"
WORKER = "triage-worker"

Json = dict[str, Any]


def values(harness: KafkaHarness) -> Json:
    """Return the chart's values: only the worker, scaled by lag and by CPU at 70 %."""
    made = worker_alone(
        harness,
        resources={"requests": {"cpu": "1", "memory": "64Mi"}, "limits": {"cpu": "1", "memory": "64Mi"}},
        autoscaling={
            "enabled": True,
            "minReplicas": 2,
            "maxReplicas": MOST,
            "messagesPerSecondPerPod": 10,
            "drainSeconds": 10,
            "cpuUtilization": 70,
            "pollingInterval": POLLING_S,
            "scaleUp": UP,
            "scaleDown": DOWN,
            "fallback": {"failureThreshold": 3, "replicas": FALLBACK},
        },
    )
    made["topics"]["partitions"] = MOST
    return made


@dataclass
class Scaling:
    """A release, its topics, and what the autoscaler does with it.

    Attributes:
        harness: its topics and its group, which has no members.
        watch: the worker's replicas.
    """

    cluster: Cluster
    namespace: str
    harness: KafkaHarness
    watch: ReplicaWatch

    def get(self, kind: str, name: str) -> Json:
        """Return a resource of the release's namespace."""
        text = self.cluster.kubectl("get", kind, name, "--namespace", self.namespace, "--output", "json")
        found: Json = json.loads(text)
        return found

    def upgrade(self, chosen: Json) -> None:
        """Upgrade the release to other values."""
        options = ("--namespace", self.namespace, "--values", "-")
        self.cluster.helm("upgrade", RELEASE, CHART, *options, given=json.dumps(chosen))

    def add_container(self, name: str) -> None:
        """Add a container without resources to the worker's pods, as a service mesh does."""
        container = {"name": name, "image": name}
        patch = json.dumps({"spec": {"template": {"spec": {"containers": [container]}}}})
        self.cluster.kubectl("patch", "deployment", WORKER, "--namespace", self.namespace, "--patch", patch)

    @property
    def scaled_object(self) -> Json:
        """KEDA's resource."""
        return self.get("scaledobject", WORKER)

    @property
    def autoscaler(self) -> Json:
        """The HPA that KEDA made."""
        return self.get("horizontalpodautoscaler", f"keda-hpa-{WORKER}")

    @property
    def taken_over(self) -> bool:
        """Whether KEDA has made the HPA, and calls the release ready."""
        name = f"hpa/keda-hpa-{WORKER}"
        if self.cluster.attempt("kubectl", "get", name, "--namespace", self.namespace).returncode != 0:
            return False
        return self.conditions().get("ScaledObject Ready", "").startswith("True")

    def conditions(self) -> dict[str, str]:
        """Return status and reason of the conditions of the HPA, and of KEDA's resource, by type."""
        found = {}
        for resource in (self.autoscaler, self.scaled_object):
            for one in resource["status"].get("conditions", []):
                found[f"{resource['kind']} {one['type']}"] = f"{one['status']} {one.get('reason', '')}"
        return found

    def lag(self) -> int:
        """Ask KEDA for the lag, as the controller manager does; it is cut at the partitions."""
        (name,) = self.scaled_object["status"]["externalMetricNames"]
        selector = quote(f"scaledobject.keda.sh/name={WORKER}", safe="")
        path = f"/apis/external.metrics.k8s.io/v1beta1/namespaces/{self.namespace}/{name}"
        answer = json.loads(self.cluster.kubectl("get", "--raw", f"{path}?labelSelector={selector}"))
        (item,) = answer["items"]
        text = str(item["value"])
        return int(text[:-1]) // 1_000 if text.endswith("m") else int(text)


@contextmanager
def released(cluster: Cluster, harness: KafkaHarness, chosen: Json | None = None) -> Iterator[Scaling]:
    """Install the chart in a namespace of its own within the context.

    Args:
        cluster: where.
        harness: its topics, which exist.
        chosen: the chart's values; None for `values`.
    """
    namespace = f"scaling-{harness.group}"
    given = json.dumps(chosen or values(harness))
    cluster.kubectl("create", "namespace", namespace)
    try:
        cluster.helm("install", RELEASE, CHART, "--namespace", namespace, "--values", "-", given=given)
        with ReplicaWatch(cluster, namespace, WORKER) as watch:
            yield Scaling(cluster, namespace, harness, watch)
    finally:
        cluster.attempt("helm", "uninstall", RELEASE, "--namespace", namespace, "--wait")
        cluster.attempt("kubectl", "delete", "namespace", namespace, "--wait=false")
