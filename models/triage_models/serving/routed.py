"""Several bundles with the same labels, each for its languages, that classify as one."""

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from triage_models.bundle.language_bundles import check_together, expected_languages
from triage_models.serving.classifier import Classifier, Decision, Device
from triage_models.serving.engine import Encoded
from triage_models.serving.mail.message import Message, Reader, reader
from triage_models.serving.predictions import Predictions, merged, predictions_of
from triage_models.serving.stream import CHUNK, chunked, divided, flattened, map_in_order
from triage_models.serving.texts import checked_texts, encodable, has_text
from triage_models.text.language import UNSURE, Detection, LanguageDetector


class Reading(NamedTuple):
    """How a text is read.

    Attributes:
        classifier: decides on it.
        message: what of it is classified.
        language: that of the message.
    """

    classifier: Classifier
    message: Message
    language: Detection

    def completed(self, tokens: Encoded) -> Encoded:
        """Add to tokens of the text, or of parts of it, what is known of the message."""
        return tokens._replace(automatic=self.message.automatic, language=self.language)


class RoutedClassifier:
    """Classifiers for several languages: each text goes to that of its language.

    A text whose language is unsure goes to the default, as do all if languages are not to be found.

    Args:
        default: for all languages that have no classifier of their own. As all of them, it was opened to take texts as
            they are, since they are read here.
        by_language: those of single languages, by ISO 639 code.
        detector: finds the language of texts; None if it is not to be found.
        read: returns what of a text is classified, and says its language.

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
            return Classifier.open(path, device=device, threads=threads, detect_language=False, clean_email=False)

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
        rows = list(checked_texts(texts))
        return list(flattened(map_in_order(self._decide, divided(rows, self.threads), self.threads)))

    def classify_stream(self, texts: Iterable[str | None]) -> Generator[Decision | None, None, None]:
        """Do what `Classifier.classify_stream` does."""
        return flattened(map_in_order(self._decide, chunked(checked_texts(texts), CHUNK), self.threads))

    def predict(self, texts: Sequence[object]) -> Predictions:
        """Do what `Classifier.predict` does."""
        written = [encodable(text) if has_text(text) else None for text in texts]
        parts = []
        for classifier, own, encoded in self._encoded(written):
            assessment = classifier.assess(encoded, classifier.outputs(encoded))
            truncated = [row.truncated for row in encoded]
            parts.append((own, predictions_of(classifier.labels, len(own), range(len(own)), assessment, truncated)))
        return merged(self.labels, len(texts), parts)

    def reading(self, text: str) -> Reading:
        """Return how a text is read: what of it, in which language, and who decides on it."""
        message = self._read(text)
        found = UNSURE if self._detector is None else self._detector.detect(message.text, self._expected)
        return Reading(self._by_language.get(found.language or "", self._default), message, found)

    def _decide(self, texts: Sequence[str | None]) -> list[Decision | None]:
        """Classify texts on the calling thread."""
        decisions: list[Decision | None] = [None] * len(texts)
        for classifier, own, encoded in self._encoded(texts):
            decided = classifier.decide(encoded, classifier.outputs(encoded))
            for row, decision in zip(own, decided, strict=True):
                decisions[row] = decision
        return decisions

    def _encoded(self, texts: Sequence[str | None]) -> Iterator[tuple[Classifier, list[int], list[Encoded]]]:
        """Read each text, find the language of what is read, and encode that with the classifier of the language.

        Yields:
            Each classifier with the positions and the tokens of its texts.
        """
        groups: dict[Classifier, dict[int, Reading]] = {}
        for row, text in enumerate(texts):
            if text is not None:
                reading = self.reading(text)
                groups.setdefault(reading.classifier, {})[row] = reading
        for classifier, own in groups.items():
            tokens = classifier.encode([reading.message.text for reading in own.values()])
            read = zip(tokens, own.values(), strict=True)
            yield classifier, list(own), [reading.completed(one) for one, reading in read]
