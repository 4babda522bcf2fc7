"""The chart and its earlier version, the kinds of the operators, and what a release needs before it is installed."""

import io
import subprocess
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.deploy.manifests import Manifest
from tests.deploy.tools import CHART, ROOT, folder
from tests.kafka.harness import KafkaHarness

OPERATORS = (
    "scaledobjects.keda.sh",
    "triggerauthentications.keda.sh",
    "podmonitors.monitoring.coreos.com",
    "prometheusrules.monitoring.coreos.com",
    "kafkatopics.kafka.strimzi.io",
    "kafkausers.kafka.strimzi.io",
)
"""The custom kinds that the chart can make."""


def worker_alone(harness: KafkaHarness, **worker: Any) -> dict[str, Any]:
    """Return the values of a release that has only a worker, on the topics of a test, with these settings of it."""
    return {
        "kafka": {"bootstrapServers": harness.bootstrap},
        "topics": {
            "input": harness.input,
            "output": harness.output,
            "fallback": harness.fallback,
            "deadLetter": harness.dead_letters,
        },
        "router": {"enabled": False},
        "worker": {"groupId": harness.group, **worker},
    }


def custom_kinds() -> list[Manifest]:
    """Return the CRDs of KEDA and of the Prometheus operator, and stand-ins of Strimzi's, which no registry here has.

    Strimzi's stand-ins accept any field: whether the fields are right is checked against Strimzi's own types by
    ``make deploy-check``.
    """
    files = sorted(folder("crds").glob("*.yaml"))
    strimzi = [_open_kind("kafka.strimzi.io", name, ("v1", "v1beta2")) for name in ("KafkaTopic", "KafkaUser")]
    return [*(yaml.safe_load(file.read_text(encoding="utf-8")) for file in files), *strimzi]


def _open_kind(group: str, kind: str, versions: tuple[str, ...]) -> Manifest:
    plural = f"{kind.lower()}s"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": version == versions[0],
                    "schema": {"openAPIV3Schema": schema},
                }
                for version in versions
            ],
        },
    }


def earlier_chart(target: Path) -> Path | None:
    """Unpack the chart of the last release, or else its first version; None if the clone does not have it.

    Args:
        target: an empty folder.
    """
    path = CHART.relative_to(ROOT)
    tag = _git("describe", "--tags", "--abbrev=0", "HEAD^")
    first = _git("log", "--format=%H", "--diff-filter=A", "--", f"{path}/Chart.yaml")
    commit = tag or first.split("\n")[-1]
    packed = subprocess.run(["git", "archive", commit or "HEAD", str(path)], cwd=ROOT, capture_output=True, check=False)
    if not commit or packed.returncode != 0:
        return None
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(target, filter="data")
    return target / path


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


def pod_specs(manifests: Iterable[Manifest]) -> Iterator[Manifest]:
    """Yield the specs of all pods that these resources make, with those of Helm's hooks."""
    for item in manifests:
        if item["kind"] == "Pod":
            yield item["spec"]
        elif item["kind"] in {"Deployment", "Job"}:
            yield item["spec"]["template"]["spec"]


def references(manifests: Iterable[Manifest], kind: str) -> dict[str, set[str]]:
    """Return the Secrets or ConfigMaps that the pods use, each with the keys that they name.

    Args:
        manifests: of a release.
        kind: ``secret`` or ``configMap``.
    """
    found: dict[str, set[str]] = {}
    for spec in pod_specs(manifests):
        for volume in spec.get("volumes", ()):
            source = volume.get(kind)
            if source:
                keys = {item["key"] for item in source.get("items", ())}
                found.setdefault(source["secretName" if kind == "secret" else "name"], set()).update(keys)
        for container in spec["containers"]:
            for variable in container.get("env", ()):
                source = variable.get("valueFrom", {}).get(f"{kind}KeyRef")
                if source:
                    found.setdefault(source["name"], set()).add(source["key"])
    return found


def prerequisites(manifests: list[Manifest], namespace: str) -> list[Manifest]:
    """Return what a release expects to exist already: Secrets with their keys, and claims with their volumes."""
    made: list[Manifest] = [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": namespace},
            "stringData": dict.fromkeys(keys, "x"),
        }
        for name, keys in references(manifests, "secret").items()
    ]
    for claim in sorted({name for spec in pod_specs(manifests) for name in _claims(spec)}):
        made += _claim(claim, namespace)
    return made


def _claims(spec: Manifest) -> Iterator[str]:
    for volume in spec.get("volumes", ()):
        if "persistentVolumeClaim" in volume:
            yield volume["persistentVolumeClaim"]["claimName"]


def _claim(name: str, namespace: str) -> list[Manifest]:
    common: dict[str, Any] = {"accessModes": ["ReadWriteMany"], "storageClassName": ""}
    size = {"storage": "1Gi"}
    volume = f"{namespace}-{name}"
    return [
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": volume},
            "spec": {
                **common,
                "capacity": size,
                "hostPath": {"path": "/bundles"},
                "claimRef": {"namespace": namespace, "name": name},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {**common, "resources": {"requests": size}, "volumeName": volume},
        },
    ]
