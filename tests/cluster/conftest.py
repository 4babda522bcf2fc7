"""Fixtures: one control plane for all tests of this folder, its nodes, the operators' kinds, and namespaces."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.chart import OPERATORS, custom_kinds
from tests.cluster.control_plane import Cluster, control_plane, simulated_node
from tests.cluster.namespaces import Namespace


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A control plane with three nodes in three zones, a node with GPUs, and the operators' kinds; no operator runs."""
    with control_plane(tmp_path_factory.mktemp("cluster")) as running:
        gpu = {"nvidia.com/gpu.present": "true"}
        nodes = [simulated_node(f"node-{zone}", zone=zone) for zone in "abc"]
        running.create(*nodes, simulated_node("gpu-a", labels=gpu, gpus=8))
        running.apply(*custom_kinds())
        running.kubectl("wait", "--for=condition=Established", "--timeout=60s", *(f"crd/{name}" for name in OPERATORS))
        running.kubectl("wait", "--for=condition=Ready", "--timeout=60s", "nodes", "--all")
        yield running


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[Namespace]:
    """A namespace that refuses pods against the restricted Pod Security standard, and warns of what makes them."""
    name = f"support-{uuid.uuid4().hex[:6]}"
    labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn", "audit")}
    cluster.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}},
    )
    yield Namespace(cluster, name)
    cluster.kubectl("delete", "namespace", name, "--timeout=120s")


@pytest.fixture
def values_file(tmp_path: Path) -> Path:
    """A path for a file of values."""
    return tmp_path / "values.json"


def write_values(path: Path, values: dict[str, object]) -> Path:
    """Write values as JSON, which Helm reads as YAML."""
    path.write_text(json.dumps(values))
    return path
