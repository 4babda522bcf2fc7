"""What pages say about a bundle: its version, its figures, what it was trained on."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from triage_models.bundle.bundle import MANIFEST, Bundle
from triage_models.bundle.manifest import Guarantee, Manifest
from triage_models.errors import BundleError

from triage_worker.console.state.values import milliseconds, number, text_of

REMEMBERED = 128
"""Cards that are kept; a manifest takes 10 ms to read."""


@dataclass(frozen=True)
class BundleCard:
    """A bundle, as its manifest describes it.

    Attributes:
        name: of the bundle.
        version: of the bundle.
        created: when it was trained or calibrated, in milliseconds since the epoch; None if it does not say.
        labels: how many intents it knows.
        languages: that it answers; empty if any.
        accuracy: share of the messages with an intent that it predicts correctly, 0 to 1; None if not measured.
        measured_on: which messages that was.
        threshold: the confidence from which a decision is accepted, 0 to 1.
        familiarity: the familiarity that is needed besides.
        guarantee: what is promised of accepted events, and the share that is accepted.
        base: the network that was fine-tuned.
        data: what it was trained on.
        rows: how many messages that were.
        learnt: what `triage learn` added to which version; empty if nothing.
    """

    name: str
    version: str
    created: int | None
    labels: int
    languages: tuple[str, ...]
    accuracy: float | None
    measured_on: str | None
    threshold: float
    familiarity: float
    guarantee: Guarantee
    base: str | None
    data: str | None
    rows: int | None
    learnt: str


def read_card(folder: Path) -> BundleCard:
    """Return the card of a bundle. Its other files are not read: promoting it does that.

    Raises:
        BundleError: there is no bundle, or its manifest is damaged.
    """
    try:
        stat = (folder / MANIFEST).stat()
    except OSError as error:
        raise BundleError(f"The bundle {folder} cannot be read: {error.strerror}.") from error
    return _card(folder, (stat.st_ino, stat.st_size, stat.st_mtime_ns))


@lru_cache(maxsize=REMEMBERED)
def _card(folder: Path, _: tuple[int, ...]) -> BundleCard:
    return card_of(Bundle.open(folder, verify=False).manifest)


def card_of(manifest: Manifest) -> BundleCard:
    """Return the card of a manifest. What training wrote into its free parts may be missing, or of another kind."""
    training, metrics = manifest.training, manifest.metrics
    rows = training.get("rows")
    return BundleCard(
        name=manifest.name,
        version=manifest.version,
        created=milliseconds(manifest.created_at),
        labels=len(manifest.labels),
        languages=manifest.languages or (),
        accuracy=number(metrics.get("accuracy_in_scope")),
        measured_on=text_of(metrics.get("measured_on")),
        threshold=manifest.thresholds.confidence,
        familiarity=manifest.thresholds.familiarity,
        guarantee=manifest.thresholds.guarantee,
        base=text_of(training.get("base")),
        data=text_of(training.get("data")),
        rows=rows if isinstance(rows, int) else None,
        learnt=_learnt(training),
    )


def _learnt(training: Mapping[str, Any]) -> str:
    found = training.get("learnt_from")
    if not isinstance(found, dict):
        return ""
    return f"{found.get('human')} answers of people and {found.get('llm')} of LLMs, after {found.get('bundle')}"
