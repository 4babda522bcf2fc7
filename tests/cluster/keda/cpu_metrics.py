"""The CPU of pods as a metrics server reports it, but by what a test says: simulated pods use none.

It serves the API metrics.k8s.io to the cluster's API server, which announces it like a metrics server.
"""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.cluster.control_plane import Cluster
from tests.cluster.keda.aggregated import announce
from tests.kafka.broker import free_ports
from tests.kafka.certificates import Authority

GROUP = "metrics.k8s.io"
VERSION = f"/apis/{GROUP}/v1beta1"
SERVICE = "triage-test-metrics"
NAMESPACE = "kube-system"
WINDOW = "10s"
IDLE = 0.1
"""The share of its CPU that a pod uses unless a test says otherwise."""

Json = dict[str, Any]

RESOURCES: Json = {
    "kind": "APIResourceList",
    "apiVersion": "v1",
    "groupVersion": f"{GROUP}/v1beta1",
    "resources": [
        {"name": "pods", "singularName": "", "namespaced": True, "kind": "PodMetrics", "verbs": ["get", "list"]}
    ],
}
"""What the group has, for discovery."""


class CpuMetrics:
    """Answers with the CPU of pods.

    Args:
        cluster: whose pods they are.
        port: where the answers are served.
        authority: signed the certificate of the port.

    Attributes:
        share: of their request that the containers of all pods use.
    """

    def __init__(self, cluster: Cluster, port: int, authority: Authority) -> None:
        self._cluster = cluster
        self._port = port
        self._authority = authority
        self.share = IDLE

    def announce(self) -> None:
        """Let the cluster ask here."""
        announce(
            self._cluster,
            group=GROUP,
            service=SERVICE,
            namespace=NAMESPACE,
            port=self._port,
            authority=self._authority.certificate,
        )

    def withdraw(self) -> None:
        """Let the cluster have no metrics server."""
        self._cluster.kubectl("delete", "apiservice", f"v1beta1.{GROUP}")

    @contextmanager
    def away(self) -> Iterator[None]:
        """Let the cluster have no metrics server within the context."""
        self.withdraw()
        try:
            yield
        finally:
            self.announce()

    def answer(self, address: str) -> Json | None:
        """Return the body for a path with its query; None if there is nothing at it."""
        parts = urlsplit(address)
        if parts.path == VERSION:
            return RESOURCES
        folders = parts.path.removeprefix(f"{VERSION}/namespaces/").split("/")
        if not parts.path.startswith(f"{VERSION}/namespaces/") or folders[1:] != ["pods"]:
            return None
        selector = parse_qs(parts.query).get("labelSelector", [""])[0]
        pods = self._cluster.items("pods", "--namespace", folders[0], "--selector", selector)
        running = [pod for pod in pods if pod["status"].get("phase") == "Running"]
        return {
            "kind": "PodMetricsList",
            "apiVersion": f"{GROUP}/v1beta1",
            "metadata": {},
            "items": [self._usage(pod) for pod in running],
        }

    def _usage(self, pod: Json) -> Json:
        containers = [
            {"name": container["name"], "usage": {"cpu": f"{self._milli(container)}m", "memory": "64Mi"}}
            for container in pod["spec"]["containers"]
        ]
        metadata = {name: pod["metadata"][name] for name in ("name", "namespace", "labels")}
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"metadata": metadata, "timestamp": now, "window": WINDOW, "containers": containers}

    def _milli(self, container: Json) -> int:
        request = str(container.get("resources", {}).get("requests", {}).get("cpu", "0"))
        milli = int(request[:-1]) if request.endswith("m") else 1_000 * int(request)
        return round(milli * self.share)


@contextmanager
def serving(cluster: Cluster, folder: Path) -> Iterator[CpuMetrics]:
    """Serve the CPU of pods within the context.

    Args:
        cluster: whose API server asks.
        folder: for certificates.
    """
    authority = Authority(folder, "cpu-authority")
    signed = authority.sign("cpu-metrics", host=f"{SERVICE}.{NAMESPACE}.svc")
    (port,) = free_ports(1)
    metrics = CpuMetrics(cluster, port, authority)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(signed.certificate, signed.key)
    with ThreadingHTTPServer(("127.0.0.1", port), handler(metrics)) as server:
        server.daemon_threads = True
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            metrics.announce()
            yield metrics
            metrics.withdraw()
        finally:
            server.shutdown()
            thread.join()


def handler(metrics: CpuMetrics) -> type[BaseHTTPRequestHandler]:
    """Return a class that answers requests with the metrics."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = metrics.answer(self.path)
            content = json.dumps(body).encode()
            self.send_response(200 if body is not None else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Log nothing."""

    return Handler
