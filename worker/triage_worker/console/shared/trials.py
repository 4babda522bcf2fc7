"""Classifies single texts that somebody types, by the bundle that the worker serves, in one thread of its own.

The bundle is opened when the first text comes, and again when another one is in its place: a console that nobody asks
needs no memory for it. Texts are neither stored nor logged.
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from triage_models.errors import ModelError
from triage_models.serving.occlusion import Influences, influences, pieces_for
from triage_models.text.entities.entity import Entity

from triage_worker.config.errors import ConfigError
from triage_worker.config.settings import Settings
from triage_worker.web.token_bucket import TokenBucket

if TYPE_CHECKING:
    from triage_models.bundle.bundle import Bundle
    from triage_models.bundle.manifest import Manifest
    from triage_models.serving.decision import Decision
    from triage_models.serving.routed import Reading, RoutedClassifier

LONGEST = 5_000
"""Characters of a text."""

TOKENS = 6_000
"""Tokens of all variants of a text together: under a second on one core."""

A_MINUTE, BURST = 30, 10
"""Texts of one person."""

MOST_WAITING = 8
MOST_BUCKETS = 10_000


class TooManyError(Exception):
    """Somebody asks too often, or too many ask at once.

    Attributes:
        seconds: after which to try again.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__("too many texts")
        self.seconds = seconds


class BundleUnusableError(Exception):
    """The bundle cannot be used; says what to change."""


class Model(NamedTuple):
    """A bundle: its name and version, and what its intents mean."""

    name: str
    version: str
    descriptions: dict[str, str]


@dataclass(frozen=True)
class Trial:
    """What becomes of a text.

    Attributes:
        model: that decided.
        decision: of the bundle.
        threshold: the confidence that the bundle asks for here, 0 to 1.
        read: what of the text was classified.
        whole: whether that is all of it.
        automatic: whether no person wrote the text, as it says itself.
        language: ISO 639-1 code; None if the text does not say.
        carried: whose probability the words carry: the intent's, or None for that of asking for none of the intents.
        influences: of the words of ``read`` on that probability.
        entities: of the whole text.
        seconds: that it took.
    """

    model: Model
    decision: "Decision"
    threshold: float
    read: str
    whole: bool
    automatic: bool
    language: str | None
    carried: str | None
    influences: Influences
    entities: Sequence[Entity]
    seconds: float


class Trials:
    """Takes texts, one after the other.

    Args:
        settings: the bundles, and how texts are read.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="try")
        self._opened: tuple[list[Manifest], RoutedClassifier] | None = None
        self._buckets: dict[str, TokenBucket] = {}
        self._waiting = 0

    async def run(self, who: str, text: str) -> Trial:
        """Classify a text for somebody.

        Raises:
            TooManyError: they ask too often, or too many wait.
            BundleUnusableError: there is no bundle, or it cannot be opened.
        """
        self._count(who)
        if self._waiting >= MOST_WAITING:
            raise TooManyError(1.0)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._classify, text)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Drop what waits."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _count(self, who: str) -> None:
        now = monotonic()
        if who not in self._buckets and len(self._buckets) >= MOST_BUCKETS:
            self._buckets.clear()
        bucket = self._buckets.setdefault(who, TokenBucket(A_MINUTE / 60, BURST, now))
        wait_s = bucket.take(1, now)
        if wait_s > 0:
            raise TooManyError(wait_s)

    def _classify(self, text: str) -> Trial:
        started = monotonic()
        try:
            classifier = self._classifier()
            extractor = self._settings.entity_extractor()
        except (ModelError, ConfigError) as error:
            raise BundleUnusableError(str(error)) from error
        reading = classifier.reading(text)
        (tokens,) = [reading.completed(one) for one in reading.classifier.encode([reading.message.text])]
        (decision,) = reading.classifier.decide([tokens], reading.classifier.infer([tokens]))
        bundle, read = reading.classifier.bundle, reading.message.text
        carried = None if decision.reason == "out_of_scope" else decision.intent
        words = influences(read, pieces_for(tokens.tokens, TOKENS), partial(_probabilities, reading, carried))
        return Trial(
            Model(bundle.name, bundle.version, bundle.descriptions),
            decision,
            _threshold(bundle, decision, reading.language.language),
            read,
            read.split() == text.split(),
            reading.message.automatic,
            reading.language.language,
            carried,
            words,
            [] if extractor is None else extractor.find(text),
            monotonic() - started,
        )

    def _classifier(self) -> "RoutedClassifier":
        """Return the classifier of the bundles that are there now."""
        # ONNX Runtime is slow to import
        from triage_models.bundle.bundle import Bundle, resolve_bundle_folder  # noqa: PLC0415
        from triage_models.serving.routed import RoutedClassifier  # noqa: PLC0415

        folders = self._settings.bundle.by_languages
        manifests = [Bundle.open(resolve_bundle_folder(one), verify=False).manifest for one in folders.values()]
        if self._opened is None or self._opened[0] != manifests:
            (_, default), *others = folders.items()
            opened = RoutedClassifier.open(
                default,
                dict(others),
                device="cpu",
                threads=1,
                detect_language=self._settings.detect_language,
                clean_email=self._settings.clean_email,
            )
            self._opened = manifests, opened
        return self._opened[1]


def _probabilities(reading: "Reading", intent: str | None, texts: list[str]) -> list[float]:
    """Return the probability of an intent, or of none of them, in each of some variants of a text."""
    from triage_models.serving.engine import rows_of  # noqa: PLC0415

    classifier = reading.classifier
    encoded = [reading.completed(one) for one in classifier.encode(texts)]
    probabilities = classifier.assess(encoded, classifier.engine.outputs(rows_of(encoded))).probabilities
    own = 1.0 - probabilities.sum(axis=1) if intent is None else probabilities[:, classifier.labels.index(intent)]
    found: list[float] = own.tolist()
    return found


def _threshold(bundle: "Bundle", decision: "Decision", language: str | None) -> float:
    """Return the confidence that a bundle asks for: the higher of its intent's and its language's."""
    own = bundle.intent_thresholds.get(decision.intent), bundle.language_thresholds.get(language or "")
    return max((one for one in own if one is not None), default=bundle.threshold)
