"""What the model says about one text, outside Kafka: lines of `triage classify`, and results of `triage serve`."""

from typing import Any

from triage_schemas.records import Prediction

NO_TEXT = "no_text"
"""The reason of a row that has nothing to classify."""


def answer_fields(prediction: Prediction | None, reason: str = NO_TEXT) -> dict[str, Any]:
    """Return the fields of an answer, ready for JSON.

    Args:
        prediction: with the probabilities that the answer is to have; None if there is no answer.
        reason: why there is no answer.
    """
    if prediction is None:
        prediction = Prediction("", 0.0, {}, 0.0, False, reason)
        return _fields(prediction) | {"intent": None, "confidence": None}
    return _fields(prediction)


def _fields(prediction: Prediction) -> dict[str, Any]:
    return {
        "intent": prediction.intent,
        "confidence": prediction.confidence,
        "accepted": prediction.reason is None,
        "reason": prediction.reason,
        "scores": prediction.scores,
        "truncated": prediction.truncated,
        "suggested": prediction.suggested,
        "language": prediction.language,
        "intents": [{"intent": intent, "probability": probability} for intent, probability in prediction.intents],
    }
