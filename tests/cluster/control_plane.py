"""A Kubernetes control plane on this machine: etcd, API server, controllers, scheduler; KWOK stands for the nodes."""

import base64
import json
import os
import secrets
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cluster.programs import CACHE, Daemon, program, until
from tests.kafka.broker import free_ports
from tests.kafka.certificates import Authority, Certificate

START_S = 180.0
SIMULATED = {"kwok.x-k8s.io/node": "fake"}
"""The annotation of nodes that KWOK plays; it leaves others alone."""

USERS = {
    "admin": "system:masters",
    "system:kube-controller-manager": "",
    "system:kube-scheduler": "",
}
"""Users with tokens, and the group of each. Kubernetes itself gives the controllers their rights."""

Resource = dict[str, Any]


@dataclass(frozen=True)
class Cluster:
    """A running control plane.

    Attributes:
        server: address of the API server.
        folder: for files and logs of the processes.
        kubeconfig: of an administrator.
        token: of the same administrator.
        authority: signed the certificate of the API server.
    """

    server: str
    folder: Path
    kubeconfig: Path
    token: str
    authority: Path

    @property
    def environment(self) -> dict[str, str]:
        """Variables for kubectl and Helm: which cluster, and no files outside the folder."""
        helm = {f"HELM_{name}_HOME": str(self.folder / f"helm-{name.lower()}") for name in ("CACHE", "CONFIG", "DATA")}
        cache = str(self.folder / "kubectl")
        return {**os.environ, **helm, "KUBECONFIG": str(self.kubeconfig), "KUBECACHEDIR": cache}

    @property
    def version(self) -> str:
        """The version of the API server, such as ``v1.34.2``."""
        return str(json.loads(self.kubectl("version", "--output=json"))["serverVersion"]["gitVersion"])

    def attempt(
        self, name: str, *arguments: str | Path, given: str | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """Run kubectl or helm for this cluster and return the result, whatever the exit code is."""
        command = [str(program(name)), *map(str, arguments)]
        return subprocess.run(
            command, input=given, capture_output=True, text=True, env=self.environment, cwd=self.folder, check=False
        )

    def kubectl(self, *arguments: str | Path, given: str | None = None) -> str:
        """Run kubectl and return its output.

        Raises:
            AssertionError: the exit code is not 0; with the complete output.
        """
        return _output(self.attempt("kubectl", *arguments, given=given))

    def helm(self, *arguments: str | Path, given: str | None = None) -> str:
        """Run Helm and return its output.

        Raises:
            AssertionError: the exit code is not 0; with the complete output.
        """
        return _output(self.attempt("helm", *arguments, given=given))

    def apply(self, *resources: Resource) -> None:
        """Create or change resources."""
        self.kubectl("apply", "--server-side", "--filename", "-", given=_listed(resources))

    def create(self, *resources: Resource) -> None:
        """Create resources, with what they say of their status."""
        self.kubectl("create", "--filename", "-", given=_listed(resources))

    def items(self, kinds: str, *arguments: str) -> list[Resource]:
        """Return the resources of these kinds, in all namespaces unless the arguments name one."""
        scope = () if "--namespace" in arguments else ("--all-namespaces",)
        found: list[Resource] = json.loads(self.kubectl("get", kinds, *scope, *arguments, "--output", "json"))["items"]
        return found


def _listed(resources: Sequence[Resource]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(resources)})


def _output(done: "subprocess.CompletedProcess[str]") -> str:
    assert done.returncode == 0, f"{' '.join(done.args)}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


@contextmanager
def control_plane(
    folder: Path, *, api_server: Sequence[str] = (), controllers: Sequence[str] = (), simulation: bool = True
) -> Iterator[Cluster]:
    """Start a control plane on free ports, wait until it is ready, and end it afterwards.

    The aggregation layer is on, so that an ``APIService`` works whose ``Service`` is of type ``ExternalName``.

    Args:
        folder: an empty folder for data, keys and logs.
        api_server: further flags of the API server.
        controllers: further flags of the controller manager.
        simulation: whether KWOK plays the nodes that have the annotation of `SIMULATED`.

    Raises:
        FileNotFoundError: a program was not built.
        AssertionError: a process ended or was not ready within three minutes; with the end of its log.
    """
    api_port, etcd_port, peer_port, manager_port, scheduler_port, kwok_port = free_ports(6)
    certificates = _Certificates(folder)
    tokens = {user: secrets.token_hex(16) for user in USERS}
    (folder / "tokens.csv").write_text("".join(f'{tokens[user]},{user},{user},"{USERS[user]}"\n' for user in USERS))
    server = f"https://127.0.0.1:{api_port}"
    files = {user: _kubeconfig(folder, server, certificates.authority, user, tokens[user]) for user in USERS}
    cluster = Cluster(server, folder, files["admin"], tokens["admin"], certificates.authority)
    with ExitStack() as stack:

        def start(name: str, *flags: str | Path) -> Daemon:
            daemon = Daemon.start(name, folder, *flags)
            stack.callback(daemon.stop)
            return daemon

        etcd = start("etcd", *_etcd_flags(folder, etcd_port, peer_port))
        api = start("kube-apiserver", *_api_flags(folder, etcd_port, api_port, certificates), *api_server)
        until(lambda: _answers(cluster, "/readyz", etcd, api), START_S, lambda: etcd.tail() + api.tail())
        local = ("--leader-elect=false", "--bind-address=127.0.0.1")
        manager = start(
            "kube-controller-manager",
            *(f"--kubeconfig={files['system:kube-controller-manager']}", *local, f"--secure-port={manager_port}"),
            f"--service-account-private-key-file={certificates.accounts.key}",
            *("--use-service-account-credentials", f"--root-ca-file={certificates.authority}", *controllers),
        )
        scheduler = start(
            "kube-scheduler",
            *(f"--kubeconfig={files['system:kube-scheduler']}", *local, f"--secure-port={scheduler_port}"),
        )
        running = [etcd, api, manager, scheduler]
        if simulation:
            selector = ",".join(f"{name}={value}" for name, value in SIMULATED.items())
            running.append(
                start(
                    "kwok",
                    *(f"--kubeconfig={cluster.kubeconfig}", f"--config={CACHE / 'stages.yaml'}"),
                    f"--manage-nodes-with-annotation-selector={selector}",
                    *(f"--server-address=127.0.0.1:{kwok_port}", "--node-lease-duration-seconds=40"),
                )
            )
        account = "/api/v1/namespaces/default/serviceaccounts/default"
        until(lambda: _answers(cluster, account, *running), START_S, lambda: "".join(d.tail() for d in running))
        yield cluster


def simulated_node(
    name: str, *, zone: str = "a", labels: Mapping[str, str] | None = None, gpus: int = 0, cores: int = 64
) -> Resource:
    """Return a node that KWOK plays: 64 cores, 256 GiB, and GPUs as NVIDIA's device plugin announces them."""
    amounts = {"cpu": str(cores), "memory": "256Gi", "ephemeral-storage": "500Gi", "pods": "110"}
    taints = []
    if gpus:
        amounts["nvidia.com/gpu"] = str(gpus)
        taints = [{"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}]
    known = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "topology.kubernetes.io/zone": zone}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "annotations": SIMULATED, "labels": {**known, **(labels or {})}},
        "spec": {"taints": taints},
        "status": {"capacity": amounts, "allocatable": amounts},
    }


class _Certificates:
    """The authority of a cluster and what it signed."""

    def __init__(self, folder: Path) -> None:
        signer = Authority(folder)
        self.authority: Path = signer.certificate
        self.server: Certificate = signer.sign("api-server")
        self.proxy: Certificate = signer.sign("front-proxy-client")
        self.accounts: Certificate = signer.sign("service-accounts")


def _etcd_flags(folder: Path, port: int, peer_port: int) -> list[str]:
    client, peer = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{peer_port}"
    return [
        *("--data-dir", str(folder / "etcd"), "--log-level", "error", "--unsafe-no-fsync"),
        *("--listen-client-urls", client, "--advertise-client-urls", client),
        *("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}"),
    ]


def _api_flags(folder: Path, etcd_port: int, port: int, certificates: _Certificates) -> list[str | Path]:
    flags = {
        "etcd-servers": f"http://127.0.0.1:{etcd_port}",
        "bind-address": "127.0.0.1",
        # A loopback address cannot be an endpoint of the Service `kubernetes`, which no pod asks here.
        "endpoint-reconciler-type": "none",
        "secure-port": port,
        "cert-dir": folder,
        "tls-cert-file": certificates.server.certificate,
        "tls-private-key-file": certificates.server.key,
        "client-ca-file": certificates.authority,
        "token-auth-file": folder / "tokens.csv",
        "authorization-mode": "Node,RBAC",
        "service-cluster-ip-range": "10.96.0.0/16",
        "service-account-issuer": "https://kubernetes.default.svc",
        "service-account-key-file": certificates.accounts.certificate,
        "service-account-signing-key-file": certificates.accounts.key,
        "requestheader-client-ca-file": certificates.authority,
        "requestheader-allowed-names": "front-proxy-client",
        "requestheader-username-headers": "X-Remote-User",
        "requestheader-group-headers": "X-Remote-Group",
        "requestheader-extra-headers-prefix": "X-Remote-Extra-",
        "proxy-client-cert-file": certificates.proxy.certificate,
        "proxy-client-key-file": certificates.proxy.key,
    }
    return [f"--{name}={value}" for name, value in flags.items()]


def _kubeconfig(folder: Path, server: str, authority: Path, user: str, token: str) -> Path:
    trusted = base64.b64encode(authority.read_bytes()).decode()
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "local", "cluster": {"server": server, "certificate-authority-data": trusted}}],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [{"name": "local", "context": {"cluster": "local", "user": user}}],
        "current-context": "local",
    }
    path = folder / f"{user.removeprefix('system:')}.kubeconfig"
    path.write_text(json.dumps(config))
    path.chmod(0o600)
    return path


def _answers(cluster: Cluster, path: str, *needed: Daemon) -> bool:
    """Whether the API server answers a path with success; fails if one of the processes has ended."""
    for daemon in needed:
        assert daemon.process.poll() is None, f"{daemon.name} has ended:\n{daemon.tail()}"
    request = urllib.request.Request(cluster.server + path, headers={"Authorization": f"Bearer {cluster.token}"})
    trusted = ssl.create_default_context(cafile=str(cluster.authority))
    try:
        with urllib.request.urlopen(request, timeout=5, context=trusted) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
