"""Several bundles with the same labels, each for its languages, that classify as one."""

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from triage_models.bundle.language_bundles import check_together, expected_languages
from triage_models.serving.classifier import Classifier, Decision, Device, Predictions
from triage_models.serving.engine import rows_of
from triage_models.serving.mail.message import Reader, reader
from triage_models.serving.predictions import without_text
from triage_models.serving.stream import CHUNK, chunked, flattened, map_in_order
from triage_models.serving.texts import checked_texts, encodable, has_text
from triage_models.text.language import UNSURE, Detection, LanguageDetector


class RoutedClassifier:
    """Classifiers for several languages: each text goes to that of its language.

    A text whose language is unsure goes to the default, as do all if languages are not to be found.

    Args:
        default: for all languages that have no classifier of their own.
        by_language: those of single languages, by ISO 639 code.
        detector: finds the language of texts; None if it is not to be found.
        read: returns what of a text says its language.

    Raises:
        BundleError: the bundles do not go together.
    """

    def __init__(
        self,
        default: Classifier,
        by_language: Mapping[str, Classifier],
        detector: LanguageDetector | None,
        read: Reader,
    ) -> None:
        check_together([default.bundle, *(classifier.bundle for classifier in by_language.values())])
        self._default = default
        self._by_language = by_language
        self._detector = detector
        self._read = read
        self._expected = expected_languages(by_language, default.bundle.manifest.languages)

    @classmethod
    def open(
        cls,
        default: Path,
        by_languages: Mapping[Sequence[str], Path],
        *,
        device: Device = "auto",
        threads: int | None = None,
        detect_language: bool = True,
        clean_email: bool = True,
    ) -> "RoutedClassifier":
        """Open the bundles, each once.

        Args:
            default: the folder of the bundle for all languages that have none of their own.
            by_languages: the folders of the others, by the languages that they are for.
            device: where they run.
            threads: how many threads classify at once, on all bundles together; None: one for each usable core.
            detect_language: find the language of texts; otherwise all go to the default.
            clean_email: read of an e-mail only what its sender wrote, and refuse automatic replies.

        Raises:
            BundleError: a bundle cannot be opened, or they do not go together.
            DeviceError: the device is not active.
        """

        def opened(path: Path) -> Classifier:
            return Classifier.open(path, device=device, threads=threads, detect_language=False, clean_email=clean_email)

        others = [(languages, opened(path)) for languages, path in by_languages.items()]
        by_language = {language: classifier for languages, classifier in others for language in languages}
        detector = LanguageDetector.open() if detect_language else None
        return cls(opened(default), by_language, detector, reader(clean_email=clean_email))

    @property
    def labels(self) -> tuple[str, ...]:
        """The intents that all the bundles know."""
        return self._default.labels

    @property
    def threads(self) -> int:
        """How many threads classify at once."""
        return self._default.threads

    def classify(self, texts: Iterable[str | None]) -> list[Decision | None]:
        """Do what `Classifier.classify` does."""
        with closing(self.classify_stream(texts)) as decisions:
            return list(decisions)

    def classify_stream(self, texts: Iterable[str | None]) -> Generator[Decision | None, None, None]:
        """Do what `Classifier.classify_stream` does."""
        return flattened(map_in_order(self._classify, chunked(checked_texts(texts), CHUNK), self.threads))

    def predict(self, texts: Sequence[object]) -> Predictions:
        """Do what `Classifier.predict` does."""
        decisions = self._classify([encodable(text) if has_text(text) else None for text in texts])
        found = without_text(self.labels, len(texts))
        for row, decision in enumerate(decisions):
            if decision is not None:
                _set(found, row, decision)
        return found

    def _classify(self, texts: Sequence[str | None]) -> list[Decision | None]:
        """Classify texts on the calling thread."""
        rows: dict[Classifier, list[tuple[int, str, Detection]]] = {}
        for row, text in enumerate(texts):
            if text is not None:
                found = self._language(text)
                classifier = self._by_language.get(found.language or "", self._default)
                rows.setdefault(classifier, []).append((row, text, found))
        decisions: list[Decision | None] = [None] * len(texts)
        for classifier, own in rows.items():
            encoded = classifier.encode([text for _, text, _ in own])
            encoded = [one._replace(language=found) for one, (_, _, found) in zip(encoded, own, strict=True)]
            decided = classifier.decide(encoded, classifier.engine.outputs(rows_of(encoded)))
            for (row, _, _), decision in zip(own, decided, strict=True):
                decisions[row] = decision
        return decisions

    def _language(self, text: str) -> Detection:
        if self._detector is None:
            return UNSURE
        return self._detector.detect(self._read(text).text, self._expected)


def _set(predictions: Predictions, row: int, decision: Decision) -> None:
    predictions.intent[row] = decision.intent
    predictions.confidence[row] = decision.confidence
    predictions.accepted[row] = decision.accepted
    predictions.reason[row] = decision.reason
    predictions.probabilities[row] = [decision.scores[label] for label in predictions.labels]
    predictions.familiarity[row] = decision.familiarity
    predictions.truncated[row] = decision.truncated
