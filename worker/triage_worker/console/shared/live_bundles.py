"""What the workers' metrics say about bundles: which ones are loaded, and how often the shadow agrees."""

from collections import Counter
from dataclasses import dataclass

from triage_worker.console.shared.scraping import Look


@dataclass(frozen=True)
class LoadedIn:
    """A bundle, and how many workers have loaded it; ``serves`` is languages, or ``*`` for all others."""

    name: str
    version: str
    serves: str
    workers: int


@dataclass(frozen=True)
class ShadowBundle:
    """The bundle that classifies live messages besides, and decides nothing.

    Attributes:
        name: of the bundle; several, separated by commas, while workers differ.
        version: of the bundle; likewise.
        same: messages on which both agree, since the workers started.
        intent_differs: messages on which the intents differ.
        acceptance_differs: messages that only one of them accepts.
        skipped: messages that it did not classify, for want of time or after an error.
    """

    name: str
    version: str
    same: int
    intent_differs: int
    acceptance_differs: int
    skipped: int

    @property
    def compared(self) -> int:
        """Messages that both classified."""
        return self.same + self.intent_differs + self.acceptance_differs


def loaded_bundles(look: Look | None) -> list[LoadedIn]:
    """Return the bundles that workers have loaded now, those of most workers first; none without metrics."""
    found: Counter[tuple[str, str, str]] = Counter()
    for service in look.services if look else ():
        if service.is_worker:
            for labels, value in service.values("triage_model_info"):
                if value:
                    found[labels.get("name", ""), labels.get("version", ""), labels.get("serves", "*")] += 1
    return [LoadedIn(*bundle, workers) for bundle, workers in found.most_common()]


def shadow_bundle(look: Look | None) -> ShadowBundle | None:
    """Return the shadow bundle of the workers; None if no worker has one."""
    bundles: set[tuple[str, str]] = set()
    outcomes: Counter[str] = Counter()
    skipped = 0.0
    for service in look.services if look else ():
        for labels, value in service.values("triage_shadow_model_info"):
            if value:
                bundles.add((labels.get("name", ""), labels.get("version", "")))
        for labels, value in service.values("triage_shadow_compared_messages_total"):
            outcomes[labels.get("outcome", "")] += int(value)
        skipped += service.total("triage_shadow_skipped_messages_total") or 0.0
    if not bundles:
        return None
    names, versions = (", ".join(sorted({one[index] for one in bundles})) for index in (0, 1))
    differs, accepts = outcomes["intent_differs"], outcomes["acceptance_differs"]
    return ShadowBundle(names, versions, outcomes["same"], differs, accepts, int(skipped))
