"""Events as Kafka records.

`to_record` writes any event through its type. `IntentWriter` writes the worker's events directly, in a few microseconds
each. A property test checks that both agree.
"""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from triage_schemas.cloudevents import Headers, event_headers, event_id
from triage_schemas.encoding import JSON, EventEncoding
from triage_schemas.events import Event, FallbackEvent, IntentEvent, ReviewEvent
from triage_schemas.messages.message import CustomerMessage, Source

TOP_SCORES = 3

AUDIT = "audit"
"""The `ReviewEvent.review_reason` of an audit, and the end of the kind of id (`audit_kind`)."""


def audit_kind(event: type[Event]) -> str:
    """Return what the ids of an audit's events begin with: the message may also have another event of this type."""
    return f"{event.TYPE}.{AUDIT}"


class Record(NamedTuple):
    """The value and headers of a record to send. Its key is the input record's."""

    value: bytes
    headers: Headers


class Prediction(NamedTuple):
    """The model's result for one message. ``scores`` has every label's probability, in descending order.

    ``language`` is that of the text, for a message that does not give its own.
    ``entities`` are dataclasses with the fields of `triage_schemas.events.EntityRef`.
    ``intents`` are pairs of an intent and its probability, the first of them ``intent``.
    """

    intent: str
    confidence: float
    scores: Mapping[str, float]
    familiarity: float
    truncated: bool
    reason: str | None
    suggested: bool = False
    language: str | None = None
    entities: Sequence[Any] = ()
    intents: Sequence[tuple[str, float]] = ()


class AuditRequest(NamedTuple):
    """Why a message is audited: the probability with which it was selected, and what its answer counts for."""

    probability: float
    weight: float


class Threshold(NamedTuple):
    """The minimum confidence in force, and its version; 0 is the bundle's own."""

    confidence: float
    version: int


class IntentWriter:
    """Writes the events of one model.

    Args:
        name: the model's name.
        version: the model's version.
        threshold: the bundle's minimum confidence of an accepted intent.
        descriptions: every label with its description.
        include_text: add the message's text to accepted intents.
        intent_thresholds: minimum confidence of those intents that have one of their own.
        language_thresholds: minimum confidence in those languages that have one of their own.
        encoding: writes the values.
    """

    def __init__(
        self,
        *,
        name: str,
        version: str,
        threshold: float,
        descriptions: Mapping[str, str],
        include_text: bool,
        intent_thresholds: Mapping[str, float] | None = None,
        language_thresholds: Mapping[str, float] | None = None,
        encoding: EventEncoding = JSON,
    ) -> None:
        self._encoding = encoding
        self._include_text = include_text
        self._threshold = threshold
        self._intent_thresholds = dict(intent_thresholds or {})
        self._language_thresholds = dict(language_thresholds or {})
        self._model = encoding.constant({"name": name, "version": version})
        self._labels = encoding.constant(dict(descriptions))

    def accepted(
        self,
        message: CustomerMessage,
        source: Source,
        prediction: Prediction,
        at: str,
        trace: Headers,
        threshold: Threshold | None = None,
    ) -> Record:
        """The `IntentEvent` of a prediction made at ``at`` (RFC 3339), by the bundle's threshold or another one."""
        event = self._event(message, source, prediction, at, threshold)
        if self._include_text:
            event["text"] = message.text
        return self._record(IntentEvent, event, source, trace)

    def fallback(
        self,
        message: CustomerMessage,
        source: Source,
        prediction: Prediction,
        at: str,
        trace: Headers,
        threshold: Threshold | None = None,
    ) -> Record:
        """The `FallbackEvent` of a prediction made at ``at`` (RFC 3339), by the bundle's threshold or another one."""
        event = self._event(message, source, prediction, at, threshold)
        event["reason"] = prediction.reason
        event["suggested"] = prediction.suggested
        event["text"] = message.text
        event["labels"] = self._labels
        return self._record(FallbackEvent, event, source, trace)

    def audit(
        self,
        message: CustomerMessage,
        source: Source,
        prediction: Prediction,
        at: str,
        trace: Headers,
        threshold: Threshold,
        request: AuditRequest,
    ) -> Record:
        """The `ReviewEvent` that asks a person to check a prediction made at ``at`` (RFC 3339)."""
        event = self._event(message, source, prediction, at, threshold)
        if prediction.reason is not None:
            event["reason"] = prediction.reason
            event["suggested"] = prediction.suggested
        event["review_reason"] = AUDIT
        event["text"] = message.text
        event["labels"] = self._labels
        event["audit"] = True
        event["audit_probability"] = request.probability
        event["audit_weight"] = request.weight
        return self._record(ReviewEvent, event, source, trace, audit_kind(ReviewEvent))

    def _event(
        self, message: CustomerMessage, source: Source, prediction: Prediction, at: str, threshold: Threshold | None
    ) -> dict[str, Any]:
        event: dict[str, Any] = {
            "message_id": message.message_id,
            "conversation_id": message.conversation_id,
            "customer_id": message.customer_id,
            "channel": message.channel,
            "language": prediction.language if message.language is None else message.language,
            "metadata": message.metadata,
            "source": {"topic": source.topic, "partition": source.partition, "offset": source.offset},
            "intent": prediction.intent,
            "confidence": prediction.confidence,
            "scores": dict(islice(prediction.scores.items(), TOP_SCORES)),
            "decided_by": "model",
            "threshold": self.own_threshold(prediction) if threshold is None else threshold.confidence,
            "familiarity": prediction.familiarity,
            "truncated": prediction.truncated,
            "model": self._model,
            "classified_at": at,
        }
        if message.helpdesk_ticket_id is not None:
            event["helpdesk_ticket_id"] = message.helpdesk_ticket_id
        if threshold is not None:
            event["threshold_version"] = threshold.version
        if prediction.intents:
            event["intents"] = [{"intent": intent, "probability": sure} for intent, sure in prediction.intents]
        if prediction.entities:
            event["entities"] = prediction.entities
        return event

    def own_threshold(self, prediction: Prediction) -> float:
        """Return the bundle's threshold for a prediction: the higher of its intent's and its language's."""
        own = self._intent_thresholds.get(prediction.intent)
        language = self._language_thresholds.get(prediction.language or "")
        known = [threshold for threshold in (own, language) if threshold is not None]
        return max(known) if known else self._threshold

    def _record(
        self, kind: type[Event], event: dict[str, Any], source: Source, trace: Headers, id_kind: str = ""
    ) -> Record:
        identity, encoding = event_id(id_kind or kind.TYPE, source), self._encoding
        headers = event_headers(
            kind.TYPE, identity, event["classified_at"], event["message_id"], trace, encoding.content_type
        )
        return Record(encoding.write_fields(kind, event), headers)


def to_record(
    event: Event,
    *,
    identity: str,
    time: str,
    subject: str,
    trace: Headers | None = None,
    encoding: EventEncoding = JSON,
) -> Record:
    """Write an event as a record.

    Args:
        event: the event.
        identity: the event's id; must be the same if the same input is processed again (see `event_id`).
        time: when it happened, RFC 3339.
        subject: the id of its subject: a message's id, a ticket's id or an intent.
        trace: the trace context of the input record.
        encoding: writes the value.
    """
    headers = event_headers(event.TYPE, identity, time, subject, trace or [], encoding.content_type)
    return Record(encoding.write(event), headers)
