"""Announces API servers that run as processes beside the cluster's own (the aggregation layer)."""

from base64 import b64encode
from pathlib import Path

from tests.cluster.control_plane import Cluster

AVAILABLE_S = 60


def announce(cluster: Cluster, *, group: str, service: str, namespace: str, port: int, authority: Path) -> None:
    """Let the API server forward version v1beta1 of a group to a port of this machine, and wait until it does.

    The endpoints of a Service may not be 127.0.0.1, so it is an external name.

    Args:
        cluster: whose API server it is.
        group: the API group.
        service: the Service's name; the certificate behind the port is for SERVICE.NAMESPACE.svc.
        namespace: the Service's namespace, which exists.
        port: where the process listens.
        authority: signed the process's certificate.

    Raises:
        AssertionError: the API server does not call it available within a minute.
    """
    name = f"v1beta1.{group}"
    cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": service, "namespace": namespace},
            "spec": {"type": "ExternalName", "externalName": "localhost"},
        },
        {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": name},
            "spec": {
                "group": group,
                "version": "v1beta1",
                "groupPriorityMinimum": 100,
                "versionPriority": 100,
                "caBundle": b64encode(authority.read_bytes()).decode(),
                "service": {"name": service, "namespace": namespace, "port": port},
            },
        },
    )
    cluster.kubectl("wait", "--for=condition=Available", f"--timeout={AVAILABLE_S}s", f"apiservice/{name}")
