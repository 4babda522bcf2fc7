"""What a bundle makes of a text's language: some have calibrations of their own, and others it has not learned."""

from collections.abc import Sequence
from dataclasses import replace

from triage_models.bundle.manifest import LanguageCalibration, Manifest
from triage_models.serving.decision import Assessment, Floats, assess, without_intent
from triage_models.serving.engine import Encoded, Outputs
from triage_models.serving.mail.message import Message
from triage_models.text.language import Detection, LanguageDetector


class BundleLanguages:
    """The languages of one bundle.

    Args:
        manifest: of the bundle. One that does not name its languages answers any, and its texts are not looked at.
    """

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self._covered = None if manifest.languages is None else frozenset(manifest.languages)
        own = manifest.by_language or {}
        self._manifests = {language: _of_language(manifest, calibration) for language, calibration in own.items()}
        self._detector = None if self._covered is None else LanguageDetector.open()

    def detected(self, messages: Sequence[Message], encoded: list[Encoded]) -> list[Encoded]:
        """Add the language of what each sender wrote to its tokens, if this bundle asks for it."""
        if self._detector is None or self._covered is None:
            return encoded
        find, covered = self._detector.detect, self._covered
        return [
            row._replace(language=find(message.text, covered)) for message, row in zip(messages, encoded, strict=True)
        ]

    def assess(self, batch: Sequence[Encoded], logits: Floats, similarity: Floats) -> Assessment:
        """Decide on the rows of a batch, each by the calibration of its text's language."""
        languages = [code_of(row.language) for row in batch for _ in range(row.rows)] if self._manifests else []
        groups = {language: self._manifests[language] for language in languages if language in self._manifests}
        if not groups:
            return assess(self._manifest, logits, similarity)
        whole = assess(self._manifest, logits, similarity)
        reasons, confidence, suggested = list(whole.reasons), whole.confidence.copy(), whole.suggested.copy()
        for language, manifest in groups.items():
            rows = [row for row, one in enumerate(languages) if one == language]
            own = assess(manifest, logits[rows], similarity[rows])
            confidence[rows], suggested[rows] = own.confidence, own.suggested
            whole.probabilities[rows], whole.ranking[rows] = own.probabilities, own.ranking
            for row, reason in zip(rows, own.reasons, strict=True):
                reasons[row] = reason
        return replace(whole, reasons=reasons, confidence=confidence, suggested=suggested)

    def refused(self, batch: Sequence[Encoded], outputs: Outputs) -> list[bool]:
        """Return which rows of a batch are not accepted, each by the calibration of its text's language."""
        return [reason is not None for reason in self.assess(batch, *outputs).reasons]

    def without_others(self, batch: Sequence[Encoded], assessment: Assessment) -> Assessment:
        """Refuse texts in a language that the bundle has not learned."""
        others = [self._is_other(row.language) for row in batch]
        return without_intent(assessment, others, "unsupported_language")

    def _is_other(self, found: Detection | None) -> bool:
        # A language that is not sure enough to be found is none, so that a guess does not cost an answer.
        if self._covered is None or found is None or found.language is None:
            return False
        return found.language not in self._covered


def code_of(found: Detection | None) -> str | None:
    """Return the language that was found, if any was."""
    return None if found is None else found.language


def _of_language(manifest: Manifest, own: LanguageCalibration) -> Manifest:
    """Return the manifest by which messages in one language are decided."""
    thresholds = manifest.thresholds
    confidence = thresholds.confidence if own.confidence is None else own.confidence
    by_intent = {
        label: intent.model_copy(update={"confidence": max(intent.confidence, confidence)})
        for label, intent in (thresholds.by_intent or {}).items()
    }
    changed = {
        "confidence": confidence,
        "familiarity": thresholds.familiarity if own.familiarity is None else own.familiarity,
        "guarantee": own.guarantee or thresholds.guarantee,
        "by_intent": by_intent or None,
    }
    return manifest.model_copy(
        update={
            "thresholds": thresholds.model_copy(update=changed),
            "calibration": own.calibration or manifest.calibration,
        }
    )
