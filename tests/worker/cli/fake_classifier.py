"""A classifier without a model."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from triage_models.serving.decision import Decision, Reason
from triage_models.serving.predictions import Predictions, without_text
from triage_models.serving.texts import has_text


class FakeClassifier:
    """A fake classifier: long texts are accepted, and every text has its own confidence."""

    threads = 2
    labels = ("WISMO", "OTHER")

    def classify_stream(self, texts: Iterable[str | None]) -> Iterator[Decision | None]:
        return (None if text is None else self._decide(text) for text in texts)

    def predict(self, texts: Sequence[object]) -> Predictions:
        predictions = without_text(self.labels, len(texts))
        for row, text in enumerate(texts):
            if has_text(text):
                decision = self._decide(text)
                predictions.intent[row] = decision.intent
                predictions.confidence[row] = decision.confidence
                predictions.accepted[row] = decision.accepted
                predictions.reason[row] = decision.reason
                predictions.probabilities[row] = np.array(list(decision.scores.values()), dtype=np.float32)
        return predictions

    def _decide(self, text: str) -> Decision:
        sure = len(text) > 5
        confidence = min(1.0, len(text) / 10)
        reason: Reason | None = None if sure else "low_confidence"
        return Decision("WISMO", confidence, sure, reason, {"WISMO": confidence, "OTHER": 0.0}, 0.9, False)
