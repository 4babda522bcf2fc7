"""What a scenario is: a fault of an installation, the alerts that must fire, and what the runbook says."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from tests.game_day.clusters import running_cluster
from tests.game_day.installation import USUAL_PODS, Installation, Plan, installation


@dataclass(frozen=True)
class Step:
    """A step of the runbook.

    Attributes:
        section: of the runbook.
        says: what to look at.
        saw: what was there.
    """

    section: str
    says: str
    saw: str


class Scenario(ABC):
    """A fault.

    Attributes:
        name: to choose it by.
        title: for the report.
        must_ring: alerts that have to fire.
        may_ring: alerts that also follow from the fault.
        cause: a text that what the runbook points to must contain.
        patience_s: the longest wait for the alerts.
        listens_s: how long to go on listening for other alerts after that.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    must_ring: ClassVar[frozenset[str]]
    may_ring: ClassVar[frozenset[str]] = frozenset()
    cause: ClassVar[str]
    patience_s: ClassVar[float] = 1_500.0
    listens_s: ClassVar[float] = 45.0

    @asynccontextmanager
    async def open(self, folder: Path) -> AsyncIterator[Installation]:
        """Run the installation, here one broker and the usual pods."""
        async with (
            running_cluster(folder / "kafka") as brokers,
            installation(folder, brokers, Plan(USUAL_PODS, {})) as site,
        ):
            yield site

    async def before(self, site: Installation) -> None:
        """Wait until the fault can begin; here it can at once."""
        await asyncio.sleep(0)

    @abstractmethod
    async def fault(self, site: Installation) -> None:
        """Break something."""

    @abstractmethod
    async def diagnose(self, site: Installation) -> Sequence[Step]:
        """Do what the runbook says about the alerts."""

    @abstractmethod
    async def repair(self, site: Installation) -> None:
        """Remove the cause."""


async def readiness(site: Installation, service: str) -> str:
    """What ``curl …/readyz`` answers for each pod of a service."""
    answers = [(pod.name, await pod.get("/readyz")) for pod in site.pods.of(service)]
    return "\n".join(f"{name}: {status} {body.strip()}" for name, (status, body) in answers)


def last_words(site: Installation, service: str) -> str:
    """What ``kubectl logs POD --previous --tail=1`` shows for each pod of a service."""
    return "\n".join(f"{pod.name}: {pod.last_words()}" for pod in site.pods.of(service))


def log_lines(site: Installation, service: str, word: str) -> str:
    """The last five lines of a service's logs that contain a word."""
    found = [
        f"{pod.name}: {line}"
        for pod in site.pods.of(service)
        if pod.process is not None
        for line in pod.process.log_text().splitlines()
        if word.lower() in line.lower()
    ]
    return "\n".join(found[-5:])
