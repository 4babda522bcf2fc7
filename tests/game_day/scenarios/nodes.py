"""Nodes: one with a broker and pods fails, and a zone with a broker and a pod is cut off."""

import asyncio
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar

from tests.game_day.clusters import running_cluster
from tests.game_day.installation import FAKE_WORKER, USUAL_PODS, Installation, Plan, installation
from tests.game_day.pods import LOCAL
from tests.game_day.scenario import Scenario, Step, readiness
from tests.game_day.zone import Zone
from tests.kafka import admin
from tests.kafka.fault_environment import REPLICATED

SETTINGS = {name: value for name, value in REPLICATED.items() if not name.startswith(("broker.", "leader."))}
"""Three replicas; the time-outs of brokers are Kafka's defaults."""


class NodeLost(Scenario):
    """A node fails that has a broker, one of two workers, and the only router."""

    name = "node-lost"
    title = "a node lost: one of three brokers, one of two workers, the router"
    must_ring: ClassVar[frozenset[str]] = frozenset({"TriageDown", "TriagePodMissing"})
    may_ring: ClassVar[frozenset[str]] = frozenset({"TriageLag", "TriageRouterStalled"})
    cause = r"Unknown \(node lost\)"

    @asynccontextmanager
    async def open(self, folder: Path) -> AsyncIterator[Installation]:
        """Run three brokers and the usual pods."""
        async with (
            running_cluster(folder / "kafka", 3, SETTINGS) as brokers,
            installation(folder, brokers, Plan(USUAL_PODS, {})) as site,
        ):
            yield site

    async def fault(self, site: Installation) -> None:
        """Kill all that runs on the node."""
        for pod in (site.pods.of("worker")[0], *site.pods.of("router")):
            site.pods.lose(pod)
        await asyncio.to_thread(site.brokers[0].stop, signal.SIGKILL)

    async def diagnose(self, site: Installation) -> Sequence[Step]:
        """List the pods, and ask those that are left."""
        return [
            Step("TriageDown", "kubectl get pods", site.pods.list()),
            Step("TriagePodMissing", "curl …/readyz of the workers", await readiness(site, "worker")),
        ]

    async def repair(self, site: Installation) -> None:
        """Bring the node back, with the same broker and new pods."""
        site.brokers[0].start()
        for pod in site.pods.all:
            if pod.lost:
                site.pods.recreate(pod)
        await asyncio.to_thread(site.brokers[0].wait)
        await admin.wait_until_in_sync(site.harness.bootstrap)


class ZoneCutOff(Scenario):
    """The network between a zone and the rest drops everything: one broker and one worker are in it."""

    name = "zone-cut-off"
    title = "a zone cut off: one of three brokers, one of two workers"
    must_ring: ClassVar[frozenset[str]] = frozenset({"TriagePodMissing"})
    may_ring: ClassVar[frozenset[str]] = frozenset({"TriageLag"})
    cause = r"worker-2: 0"

    @asynccontextmanager
    async def open(self, folder: Path) -> AsyncIterator[Installation]:
        """Run two brokers here and one in the zone, and a worker on each side."""
        self._zone = Zone()
        with self._zone.running() as zone:
            hosts, prefixes = (zone.outside, zone.outside, zone.inside), ((), (), zone.prefix)
            cluster = running_cluster(folder / "kafka", 3, SETTINGS, prefixes=prefixes, hosts=hosts)
            async with cluster as brokers, installation(folder, brokers, self._plan(zone)) as site:
                yield site

    def _plan(self, zone: Zone) -> Plan:
        workers = [
            (f"worker-{number + 1}", "worker", host, FAKE_WORKER) for number, host in enumerate((LOCAL, zone.inside))
        ]
        pods = [*workers, *(pod for pod in USUAL_PODS if pod[1] != "worker")]
        return Plan(pods, {}, lambda host: zone.prefix if host == zone.inside else ())

    async def fault(self, site: Installation) -> None:
        """Cut the zone off."""
        self._zone.cut()

    async def diagnose(self, site: Installation) -> Sequence[Step]:
        """List the pods, and ask them."""
        return [
            Step("TriagePodMissing", "kubectl get pods", site.pods.list()),
            Step("TriagePodMissing", "curl …/readyz of the workers", await readiness(site, "worker")),
        ]

    async def repair(self, site: Installation) -> None:
        """Connect the zone again."""
        self._zone.mend()
        await admin.wait_until_in_sync(site.harness.bootstrap)
