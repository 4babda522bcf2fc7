"""Turns decisions into the results of a request."""

from dataclasses import dataclass
from itertools import islice
from typing import Any

import orjson
from triage_models.bundle.bundle import Bundle
from triage_models.serving.decision import Decision
from triage_models.text.entities.extractor import EntityExtractor
from triage_schemas.answers import NO_TEXT, answer_fields
from triage_schemas.messages.message import CustomerMessage
from triage_schemas.records import TOP_SCORES, IntentWriter, Prediction

from triage_worker.inference.fault_isolation import Fault
from triage_worker.inference.predictions import prediction_of
from triage_worker.serve.pending import PendingText

MODEL_ERROR = "model_error"


@dataclass(frozen=True, slots=True)
class TextResult:
    """The result of one text, as JSON, with the text that it answers and what it is counted as."""

    text: PendingText
    value: bytes
    outcome: str


class ResultWriter:
    """Writes the results of one bundle's decisions; called in the inference threads.

    Args:
        bundle: decides.
        entities: finds the entities of a text; None if none are wanted.
    """

    def __init__(self, bundle: Bundle, entities: EntityExtractor | None) -> None:
        self.bundle = bundle
        self._entities = entities
        self._model = {"name": bundle.name, "version": bundle.version}
        self._events = IntentWriter(  # knows which threshold holds for a prediction
            name=bundle.name,
            version=bundle.version,
            threshold=bundle.threshold,
            descriptions={},
            include_text=False,
            intent_thresholds=bundle.intent_thresholds,
            language_thresholds=bundle.language_thresholds,
        )

    def output(self, decoded: PendingText, decision: Decision) -> TextResult:
        """Write the result of a text."""
        message, found = decoded.message, decoded.language
        entities = [] if self._entities is None else self._entities.find(message.text)
        prediction = prediction_of(decision, None if found is None else found.language, entities)
        threshold = self._events.own_threshold(prediction)
        if message.language is not None:
            prediction = prediction._replace(language=message.language)
        value = _json(message, prediction, {"threshold": threshold, "model": self._model})
        return TextResult(decoded, value, "accepted" if decision.accepted else "fallback")


def blank_result(message: CustomerMessage) -> bytes:
    """Write the result of a text that is blank."""
    return _json(message, None, {}, NO_TEXT)


def fault_result(decoded: PendingText, _: Fault) -> TextResult:
    """Write the result of a text that the model fails on."""
    return TextResult(decoded, _json(decoded.message, None, {}, MODEL_ERROR), MODEL_ERROR)


def _json(message: CustomerMessage, prediction: Prediction | None, more: dict[str, Any], why: str = NO_TEXT) -> bytes:
    entities: list[Any] = []
    familiarity = None
    if prediction is not None:
        entities, familiarity = list(prediction.entities), prediction.familiarity
        prediction = prediction._replace(scores=dict(islice(prediction.scores.items(), TOP_SCORES)))
    fields = answer_fields(prediction, why) | {"entities": entities, "familiarity": familiarity}
    fields |= {"threshold": None, "model": None} | more
    fields |= {"message_id": message.message_id or None, "channel": message.channel}
    return orjson.dumps(fields)
