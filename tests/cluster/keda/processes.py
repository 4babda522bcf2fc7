"""KEDA's operator and its metrics adapter as processes, with the CRDs and the access rights of their release."""

import base64
import json
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster.control_plane import Cluster
from tests.cluster.keda.aggregated import announce
from tests.cluster.programs import CACHE, Daemon, until
from tests.kafka.broker import free_ports
from tests.kafka.certificates import Authority

RELEASE = CACHE / "keda"
"""What deploy/cluster/install-keda builds: the programs, and the folder ``config`` of KEDA's module."""

NAMESPACE = "keda"
ACCOUNT = "keda-operator"
OPERATOR_HOST = "keda-operator.keda.svc.cluster.local"
ADAPTER_SERVICE = "keda-metrics-apiserver"
START_S = 120.0

MANIFESTS = (
    "crd/bases",
    "rbac/role.yaml",
    "rbac/role_binding.yaml",
    "metrics-server/role.yaml",
    "metrics-server/role_binding.yaml",
)
"""KEDA's own kinds and access rights."""


class Keda:
    """KEDA's two processes.

    Args:
        cluster: where it scales.
        folder: for logs and certificates.
    """

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self._cluster = cluster
        self._folder = folder
        self._authority = Authority(folder, "keda-authority")
        self._grpc, self._serving, *self._others = free_ports(5)
        self._kubeconfig = folder / "keda.kubeconfig"
        self._running: dict[str, Daemon] = {}

    def install(self) -> None:
        """Create the namespace, KEDA's kinds, and an account with KEDA's own rights."""
        metadata = {"name": ACCOUNT, "namespace": NAMESPACE}
        self._cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        self._cluster.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
        for name in MANIFESTS:
            self._cluster.kubectl(
                "apply", "--server-side", "--force-conflicts", "--filename", RELEASE / "config" / name
            )
        token = self._cluster.kubectl("create", "token", ACCOUNT, "--namespace", NAMESPACE, "--duration=12h").strip()
        trusted = base64.b64encode(self._cluster.authority.read_bytes()).decode()
        server = {"server": self._cluster.server, "certificate-authority-data": trusted}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "local", "cluster": server}],
            "users": [{"name": ACCOUNT, "user": {"token": token}}],
            "contexts": [{"name": "local", "context": {"cluster": "local", "user": ACCOUNT}}],
            "current-context": "local",
        }
        self._kubeconfig.write_text(json.dumps(config))
        self._kubeconfig.chmod(0o600)

    def start_operator(self) -> None:
        """Start the operator and wait until it serves lags."""
        metrics, health, _ = self._others
        self._start(
            "keda-operator",
            f"--metrics-bind-address=127.0.0.1:{metrics}",
            f"--health-probe-bind-address=127.0.0.1:{health}",
            f"--metrics-service-bind-address=127.0.0.1:{self._grpc}",
            f"--cert-dir={self._certificates('operator', OPERATOR_HOST)}",
            "--zap-log-level=1",
        )
        until(lambda: self._listens("keda-operator", self._grpc), START_S, self.log)

    def start_adapter(self) -> None:
        """Start the metrics adapter, and let the API server ask it for external metrics."""
        certificates = self._certificates("adapter", f"{ADAPTER_SERVICE}.{NAMESPACE}.svc")
        self._start(
            "keda-adapter",
            *("--bind-address=127.0.0.1", f"--secure-port={self._serving}", f"--port={self._others[2]}"),
            f"--cert-dir={certificates}",
            f"--tls-cert-file={certificates / 'tls.crt'}",
            f"--tls-private-key-file={certificates / 'tls.key'}",
            f"--client-ca-file={certificates / 'ca.crt'}",
            *(f"--{use}-kubeconfig={self._kubeconfig}" for use in ("authentication", "authorization", "lister")),
            f"--metrics-service-address=127.0.0.1:{self._grpc}",
            f"--metrics-service-grpc-authority={OPERATOR_HOST}",
        )
        until(lambda: self._listens("keda-adapter", self._serving), START_S, self.log)
        announce(
            self._cluster,
            group="external.metrics.k8s.io",
            service=ADAPTER_SERVICE,
            namespace=NAMESPACE,
            port=self._serving,
            authority=self._authority.certificate,
        )

    def stop(self) -> None:
        """End both processes."""
        for daemon in self._running.values():
            daemon.stop()
        self._running.clear()

    def log(self) -> str:
        """Return the ends of both logs."""
        return "\n".join(f"{daemon.name}:\n{daemon.tail()}" for daemon in self._running.values())

    def _start(self, name: str, *arguments: str) -> None:
        variables = {
            "KUBECONFIG": str(self._kubeconfig),
            "WATCH_NAMESPACE": "",
            "POD_NAMESPACE": NAMESPACE,
            "KEDA_CLUSTER_OBJECT_NAMESPACE": NAMESPACE,
        }
        self._running[name] = Daemon.start(str(RELEASE / name), self._folder, *arguments, environment=variables)

    def _listens(self, name: str, port: int) -> bool:
        daemon = self._running[name]
        assert daemon.process.poll() is None, f"{name} has ended:\n{daemon.tail()}"
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    def _certificates(self, name: str, host: str) -> Path:
        """Return a folder of the form that KEDA reads, with a certificate for a host."""
        folder = self._folder / f"{name}-certificates"
        if not folder.is_dir():
            folder.mkdir()
            signed = self._authority.sign(f"keda-{name}", host=host)
            shutil.copy(self._authority.certificate, folder / "ca.crt")
            shutil.copy(signed.certificate, folder / "tls.crt")
            shutil.copy(signed.key, folder / "tls.key")
        return folder


@contextmanager
def running(cluster: Cluster, folder: Path) -> Iterator[Keda]:
    """Run KEDA within the context: the API server answers for external metrics when it begins.

    Args:
        cluster: where it scales.
        folder: an empty folder for logs and certificates.

    Raises:
        FileNotFoundError: KEDA was not built.
        AssertionError: a process ended or was not ready in time; with the end of its log.
    """
    if not (RELEASE / "keda.stamp").is_file():
        raise FileNotFoundError(f"{RELEASE} has no KEDA: run deploy/cluster/install-keda, or `make cluster-test`")
    keda = Keda(cluster, folder)
    try:
        keda.install()
        keda.start_operator()
        keda.start_adapter()
        yield keda
    finally:
        keda.stop()
