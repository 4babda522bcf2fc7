"""Storage: the bundle's volume is gone, and the volume of the state is full."""

import asyncio
import errno
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar

from triage_models import DEFAULT_BUNDLE

from tests.game_day.clusters import running_cluster
from tests.game_day.installation import USUAL_PODS, Installation, Plan, installation
from tests.game_day.pods import LOCAL
from tests.game_day.scenario import Scenario, Step, last_words, log_lines, readiness
from tests.kafka.fault_environment import small_disk

STATE_MIB = 48


class BundleGone(Scenario):
    """The folder of the bundle disappears while workers serve it; a minute later one of them is restarted."""

    name = "bundle-gone"
    title = "the bundle's volume gone, then a worker restarted"
    must_ring: ClassVar[frozenset[str]] = frozenset({"TriageBundleRefused", "TriageCrashLooping"})
    may_ring: ClassVar[frozenset[str]] = frozenset({"TriagePodMissing"})
    cause = r"(?i)no bundle|does not exist|no such file|not a (folder|bundle)|missing"

    @asynccontextmanager
    async def open(self, folder: Path) -> AsyncIterator[Installation]:
        """Run workers with a copy of the shipped bundle."""
        self._bundle = folder / "volume" / "bundle"
        await asyncio.to_thread(shutil.copytree, DEFAULT_BUNDLE, self._bundle)
        own = {"bundle": str(self._bundle), "threads": "1"}
        workers = [(f"worker-{number}", "worker", LOCAL, own) for number in (1, 2)]
        pods = [*workers, *(pod for pod in USUAL_PODS if pod[1] != "worker")]
        async with (
            running_cluster(folder / "kafka") as brokers,
            installation(folder, brokers, Plan(pods, {})) as site,
        ):
            yield site

    async def fault(self, site: Installation) -> None:
        """Remove the folder, and kill a worker a minute later."""
        self._away = self._bundle.with_name("away")
        self._bundle.rename(self._away)
        await asyncio.sleep(60)
        worker = site.pods.of("worker")[0].process
        assert worker is not None
        worker.kill()

    async def diagnose(self, site: Installation) -> Sequence[Step]:
        """Look into the logs of the workers."""
        return [
            Step(
                "TriageBundleRefused",
                "kubectl logs deploy/triage-worker | grep -i bundle",
                log_lines(site, "worker", "bundle"),
            ),
            Step("TriageCrashLooping", "kubectl logs POD --previous --tail=1", last_words(site, "worker")),
        ]

    async def repair(self, site: Installation) -> None:
        """Bring the folder back; the worker that waits for its next start needs nothing else."""
        self._away.rename(self._bundle)


class DiskFull(Scenario):
    """The volume of the router's tables and of the console's state is full."""

    name = "disk-full"
    title = "disk full on the state volume of router and console"
    must_ring: ClassVar[frozenset[str]] = frozenset({"TriageDown", "TriageCrashLooping", "TriageConsoleBehind"})
    may_ring: ClassVar[frozenset[str]] = frozenset({"TriageRouterStalled"})  # where a router runs for a while
    cause = r"(?i)no space left|disk is full|volume .*full"

    @asynccontextmanager
    async def open(self, folder: Path) -> AsyncIterator[Installation]:
        """Run router and console with their state on a small file system."""
        self._volume = folder / "state"
        own = {
            "router": {"state_dir": str(self._volume / "router")},
            "console": {"console_state": str(self._volume / "console.sqlite")},
        }
        pods = [(name, service, host, {**given, **own.get(service, {})}) for name, service, host, given in USUAL_PODS]
        pods.append(("console-1", "console", LOCAL, own["console"]))
        with small_disk(self._volume, STATE_MIB):
            async with (
                running_cluster(folder / "kafka") as brokers,
                installation(folder, brokers, Plan(pods, {})) as site,
            ):
                yield site

    async def fault(self, site: Installation) -> None:
        """Fill the volume."""
        await asyncio.to_thread(fill, self._volume / "ballast")

    async def diagnose(self, site: Installation) -> Sequence[Step]:
        """Ask the router and the console, and read their last log lines."""
        return [
            Step("TriageRouterStalled", "curl …/readyz of the router", await readiness(site, "router")),
            Step("TriageCrashLooping", "kubectl logs POD --previous --tail=1", last_words(site, "router")),
            Step("", "kubectl get pods", site.pods.list()),
            Step("", "curl …/readyz of the console", await readiness(site, "console")),
            Step("TriageConsoleBehind", "kubectl logs of the console", log_lines(site, "console", "not followed")),
        ]

    async def repair(self, site: Installation) -> None:
        """Make room."""
        (self._volume / "ballast").unlink()


def fill(ballast: Path) -> None:
    """Write a file until the file system has no room left."""
    with ballast.open("wb", buffering=0) as stream:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while stream.write(bytes(size)) == size:
                    pass
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
