"""The language of messages: found in the text, unless the message says it."""

from collections import Counter
from collections.abc import Collection, Sequence

from triage_models.text.language import Detection, LanguageDetector, base_language
from triage_schemas.messages.message import CustomerMessage

OTHER = "other"
UNKNOWN = "unknown"


class MessageLanguages:
    """Finds the language of messages.

    Args:
        detector: None looks at no text, and takes the language that a message gives.
    """

    def __init__(self, detector: LanguageDetector | None) -> None:
        self._detector = detector
        self._counted = frozenset(() if detector is None else detector.languages)

    @classmethod
    def open(cls, *, detect: bool) -> "MessageLanguages":
        """Load what is needed to find languages, if they are to be found."""
        return cls(LanguageDetector.open() if detect else None)

    def find(self, message: CustomerMessage, expected: Collection[str], written: str) -> Detection | None:
        """Find the language of a message; None if neither the text nor the message says.

        Args:
            message: its own language is expected, and holds where the text does not say: it is often that of the
                customer's profile, while the text is in another.
            expected: the languages of the bundle, which are expected of a message that gives none.
            written: what of its text is classified.
        """
        own = base_language(message.language)
        if self._detector is not None:
            found = self._detector.detect(written, expected if own is None else (own,))
            if found.language is not None:
                return found
        return None if own is None else Detection(own, 0.0)

    def count(self, found: Sequence[Detection | None]) -> Counter[str]:
        """Count languages by a bounded set of names: those that the detector's table has, `OTHER` and `UNKNOWN`."""
        return Counter(self._name(one) for one in found)

    def _name(self, found: Detection | None) -> str:
        if found is None or found.language is None:
            return UNKNOWN
        return found.language if found.language in self._counted else OTHER
