"""Fixtures: KEDA on the cluster, a metrics server that says what a test says, a Kafka, and a release that is scaled."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.cluster.control_plane import Cluster, control_plane, simulated_node
from tests.cluster.keda import cpu_metrics, processes
from tests.cluster.keda.cpu_metrics import CpuMetrics
from tests.cluster.keda.processes import Keda
from tests.cluster.keda.scaling import PARTITIONS, Scaling, released
from tests.cluster.programs import until
from tests.kafka import broker, fault_environment
from tests.kafka.broker import Broker
from tests.kafka.harness import KafkaHarness


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A control plane of its own with three nodes, since KEDA's kinds come from KEDA here."""
    with control_plane(tmp_path_factory.mktemp("cluster")) as running:
        running.create(*(simulated_node(f"node-{zone}", zone=zone) for zone in "abc"))
        running.kubectl("wait", "--for=condition=Ready", "--timeout=60s", "nodes", "--all")
        yield running


@pytest.fixture(scope="session")
def running_keda(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keda]:
    """KEDA's operator and adapter."""
    with processes.running(cluster, tmp_path_factory.mktemp("keda")) as running:
        yield running


@pytest.fixture(scope="session")
def metrics_server(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CpuMetrics]:
    """The CPU of all pods, as the cluster hears of it."""
    with cpu_metrics.serving(cluster, tmp_path_factory.mktemp("cpu")) as metrics:
        yield metrics


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A Kafka of one broker, which a test may stop and start."""
    broker.install()
    with fault_environment.running_cluster(tmp_path_factory.mktemp("kafka"), 1, {}) as (node,):
        yield node


@pytest.fixture
def cpu(metrics_server: CpuMetrics) -> CpuMetrics:
    """The same, with pods that are idle at first."""
    metrics_server.share = cpu_metrics.IDLE
    return metrics_server


@pytest.fixture
async def harness(node: Broker, tmp_path: Path) -> AsyncIterator[KafkaHarness]:
    """Topics of the test's own."""
    with KafkaHarness(node.bootstrap, tmp_path) as created:
        await created.create_topics(partitions=PARTITIONS)
        yield created


@pytest.fixture
def scaling(cluster: Cluster, running_keda: Keda, cpu: CpuMetrics, harness: KafkaHarness) -> Iterator[Scaling]:
    """A release in a namespace of its own, which KEDA has taken over."""
    with released(cluster, harness) as created:
        until(lambda: created.taken_over, 120, running_keda.log)
        yield created
