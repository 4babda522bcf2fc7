"""A namespace and the releases in it."""

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.chart import prerequisites
from tests.cluster.control_plane import Cluster
from tests.cluster.programs import until
from tests.deploy.manifests import Manifest, parse
from tests.deploy.tools import CHART

WAIT = ("--wait", "--wait-for-jobs", "--timeout", "4m")

CHANGES_BY_ITSELF = {"events", "events.events.k8s.io", "leases.coordination.k8s.io", "componentstatuses"}
"""Kinds that the control plane writes to without anybody's request."""


@dataclass(frozen=True)
class Namespace:
    """A namespace of the cluster.

    Attributes:
        cluster: whose it is.
        name: of the namespace.
    """

    cluster: Cluster
    name: str

    def manifests(self, release: str, *arguments: str | Path, chart: Path = CHART) -> list[Manifest]:
        """Return what a release consists of, with its hooks and tests, without installing it."""
        version = f"--kube-version={self.cluster.version}"
        return parse(self.cluster.helm("template", release, chart, *self._scope, version, *arguments))

    def prepare(self, manifests: list[Manifest]) -> None:
        """Create the Secrets and claims that a release expects."""
        needed = prerequisites(manifests, self.name)
        if needed:
            self.cluster.apply(*needed)

    def install(self, release: str, *arguments: str | Path, chart: Path = CHART) -> None:
        """Install a release and wait until all of its pods are ready; fails at a warning of the API server."""
        self.prepare(self.manifests(release, *arguments, chart=chart))
        self._quietly("install", release, chart, *WAIT, *arguments)

    def upgrade(self, release: str, *arguments: str | Path, chart: Path = CHART) -> None:
        """Change a release and wait for its pods, in the same way."""
        self.prepare(self.manifests(release, *arguments, chart=chart))
        self._quietly("upgrade", release, chart, *WAIT, *arguments)

    def rollback(self, release: str, revision: int) -> None:
        """Return to a revision and wait for its pods, in the same way."""
        self._quietly("rollback", release, str(revision), *WAIT)

    def uninstall(self, release: str) -> None:
        """Remove a release and wait until its resources are gone."""
        self._quietly("uninstall", release, "--wait", "--timeout", "4m")

    def test(self, release: str) -> str:
        """Run `helm test` and return its output."""
        return self.cluster.helm("test", release, *self._scope, "--timeout", "2m")

    def items(self, kinds: str, *arguments: str) -> list[Manifest]:
        """Return the resources of these kinds in this namespace."""
        return self.cluster.items(kinds, "--namespace", self.name, *arguments)

    def attempt(self, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
        """Run Helm in this namespace, whatever the exit code is."""
        return self.cluster.attempt("helm", *arguments, *self._scope)

    @property
    def _scope(self) -> tuple[str, str]:
        return ("--namespace", self.name)

    def _quietly(self, *arguments: str | Path) -> None:
        done = self.attempt(*arguments)
        assert done.returncode == 0, f"{done.args}:\n{done.stdout}\n{done.stderr}\n{self._explain()}"
        assert done.stderr.strip() == "", f"{done.args} warned:\n{done.stderr}"

    def _explain(self) -> str:
        """Say what hinders pods."""
        warnings = self.items("events", "--field-selector", "type=Warning")
        return "\n".join(f"{item['involvedObject']['name']}: {item['message']}" for item in warnings)


def inventory(cluster: Cluster, *, without: Iterable[str] = ()) -> set[str]:
    """Return every resource of every kind that can be listed, as kind, namespace and name.

    Args:
        cluster: that is asked.
        without: kinds to leave out, besides those that change by themselves.
    """
    listed = cluster.kubectl("api-resources", "--verbs=list", "--output=name").split()
    left_out = CHANGES_BY_ITSELF | set(without)
    kinds = ",".join(sorted(name for name in listed if name not in left_out))
    return {
        f"{item['kind']} {item['metadata'].get('namespace', '-')} {item['metadata']['name']}"
        for item in cluster.items(kinds)
    }


def settled(cluster: Cluster, expected: set[str], *, timeout_s: float = 60) -> None:
    """Wait until the cluster has exactly these resources: pods and their like are removed after their owners.

    Raises:
        AssertionError: it has others; with the difference.
    """
    until(
        lambda: inventory(cluster) == expected,
        timeout_s,
        lambda: f"too much or too little: {sorted(inventory(cluster) ^ expected)}",
        pause_s=1,
    )
