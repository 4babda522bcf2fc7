"""The model's decision in the form that events and answers are written from."""

from collections.abc import Sequence
from typing import Any

from triage_models.serving.decision import Decision
from triage_schemas.records import Prediction


def prediction_of(decision: Decision, language: str | None, entities: Sequence[Any] = ()) -> Prediction:
    """Return a decision as a prediction.

    Args:
        decision: of a bundle.
        language: of the text, if it was found.
        entities: of the text, with the fields of `triage_schemas.events.EntityRef`.
    """
    return Prediction(
        intent=decision.intent,
        confidence=decision.confidence,
        scores=decision.scores,
        familiarity=decision.familiarity,
        truncated=decision.truncated,
        reason=decision.reason,
        suggested=decision.suggested,
        language=language,
        entities=entities,
        intents=decision.intents,
    )
