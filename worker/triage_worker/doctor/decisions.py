"""Decides on messages as the worker does, and chooses a few decisions that differ."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from triage_models.bundle.language_bundles import check_together, expected_languages
from triage_models.serving.classifier import Classifier
from triage_models.serving.decision import Decision
from triage_models.serving.mail.html import is_html
from triage_models.serving.mail.message import reader
from triage_models.text.language import Detection
from triage_schemas.messages.message import CustomerMessage

from triage_worker.config.settings import Settings
from triage_worker.inference.message_languages import MessageLanguages

SHOWN = 5


@dataclass(frozen=True, slots=True)
class ReadMessage:
    """A message as the worker reads it.

    Attributes:
        message: as it was decoded.
        written: what of its text is classified.
        automatic: whether no person wrote it.
        language: that of what is classified; None if neither the text nor the message says.
    """

    message: CustomerMessage
    written: str
    automatic: bool
    language: Detection | None

    @property
    def code(self) -> str | None:
        """The language's code."""
        return None if self.language is None else self.language.language

    @property
    def is_html(self) -> bool:
        """Whether the text is HTML, or has some of it."""
        return is_html(self.message.text)


@dataclass(frozen=True, slots=True)
class Answer:
    """A decision on a message.

    Attributes:
        read: the message.
        decision: of the bundle of its language.
        windows: how many windows the text has, 1 or more.
    """

    read: ReadMessage
    decision: Decision
    windows: int

    @property
    def verdict(self) -> str:
        """``accepted``, or the reason why not."""
        return self.decision.reason or "accepted"


def read_messages(settings: Settings, messages: Sequence[CustomerMessage]) -> list[ReadMessage]:
    """Read messages: what their senders wrote, and in which language. No language is expected."""
    read, languages = reader(clean_email=settings.clean_email), MessageLanguages.open(detect=settings.detect_language)
    found = []
    for message in messages:
        text, automatic = read(message.text)
        language = languages.find(message, (), text)
        found.append(ReadMessage(message, text, automatic or message.automatic, language))
    return found


def decide(settings: Settings, messages: Sequence[ReadMessage]) -> list[Answer]:
    """Decide on messages by the bundles of the settings, one for each language or one for all.

    Raises:
        ModelError: a bundle cannot be opened, or they do not go together.
    """
    opened = {
        serves: Classifier.open(
            folder, device=settings.device, threads=settings.threads or None, detect_language=False, clean_email=False
        )
        for serves, folder in settings.bundle.by_languages.items()
    }
    check_together(classifier.bundle for classifier in opened.values())
    default, *_ = opened.values()
    by_language = {language: classifier for serves, classifier in opened.items() for language in serves}
    expected = expected_languages(settings.bundle.by_language, default.bundle.manifest.languages)
    languages = MessageLanguages.open(detect=settings.detect_language)
    groups: dict[Classifier, dict[int, ReadMessage]] = {}
    for row, found in enumerate(messages):
        # The worker expects the languages of its bundles; that can change what is found in a short text.
        read = replace(found, language=languages.find(found.message, expected, found.written))
        groups.setdefault(by_language.get(read.code or "", default), {})[row] = read
    answers: dict[int, Answer] = {}
    for classifier, rows in groups.items():
        answers |= zip(rows, _decide(classifier, list(rows.values())), strict=True)
    return [answers[row] for row in range(len(messages))]


def _decide(classifier: Classifier, messages: Sequence[ReadMessage]) -> list[Answer]:
    tokens = classifier.encode([read.written for read in messages])
    encoded = [
        one._replace(language=read.language, automatic=read.automatic or one.automatic)
        for one, read in zip(tokens, messages, strict=True)
    ]
    decisions = classifier.decide(encoded, classifier.outputs(encoded))
    return [
        Answer(read, decision, one.windows) for read, decision, one in zip(messages, decisions, encoded, strict=True)
    ]


def choose(answers: Sequence[Answer], count: int = SHOWN) -> list[Answer]:
    """Choose answers that differ: in whether they were accepted and why not, in intent, in language; then the newest.

    Args:
        answers: from the oldest message to the newest.
        count: how many to choose, at most.
    """
    left, chosen = list(reversed(answers)), list[Answer]()
    seen: Counter[tuple[str, str | None]] = Counter()
    while left and len(chosen) < count:
        best = max(left, key=lambda answer: _novelty(answer, seen))  # the first of equals, which is the newest
        chosen.append(best)
        seen.update(_features(best))
        left = [answer for answer in left if answer.read.message.text != best.read.message.text]
    return sorted(chosen, key=lambda answer: (not answer.decision.accepted, -answer.decision.confidence))


def _features(answer: Answer) -> list[tuple[str, str | None]]:
    """What an answer shows; the intent of one that was not accepted says little."""
    intent = answer.decision.intent if answer.decision.accepted else None
    return [("verdict", answer.verdict), ("intent", intent), ("language", answer.read.code)]


def _novelty(answer: Answer, seen: Counter[tuple[str, str | None]]) -> float:
    weights = {"verdict": 3.0, "intent": 2.0, "language": 1.0}
    return sum(weights[feature[0]] / (1 + 4 * seen[feature]) for feature in _features(answer))
