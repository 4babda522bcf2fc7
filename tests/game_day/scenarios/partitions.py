"""Twice as many partitions on the topics of messages and intents, while worker and router run."""

from collections.abc import Sequence
from typing import ClassVar

from tests.game_day.installation import PARTITIONS, Installation
from tests.game_day.scenario import Scenario, Step, last_words, readiness
from tests.kafka import admin


class PartitionsDoubled(Scenario):
    """Somebody adds partitions to both topics, and the router is restarted by the next roll-out."""

    name = "partitions-doubled"
    title = f"partitions of messages and intents from {PARTITIONS} to {2 * PARTITIONS}"
    must_ring: ClassVar[frozenset[str]] = frozenset({"TriageDown", "TriageCrashLooping"})
    may_ring: ClassVar[frozenset[str]] = frozenset({"TriageRouterStalled"})
    cause = r"TRIAGE_GROUP_ID"

    async def fault(self, site: Installation) -> None:
        """Add the partitions."""
        for topic in (site.harness.input, site.harness.output):
            await admin.set_partitions(site.harness.bootstrap, topic, 2 * PARTITIONS)

    async def diagnose(self, site: Installation) -> Sequence[Step]:
        """Read the router's last log line."""
        return [
            Step("TriageDown", "kubectl get pods", site.pods.list()),
            Step("TriageCrashLooping", "kubectl logs POD --previous --tail=1", last_words(site, "router")),
            Step("TriageRouterStalled", "curl …/readyz of the router", await readiness(site, "router")),
        ]

    async def repair(self, site: Installation) -> None:
        """Give the router a new group, as its error message asks for."""
        await site.pods.roll("router", group_id=f"router-{site.harness.group}-2")
