"""Events as Kafka records. `IntentWriter` is the worker's way, some microseconds an event; `to_record` is everybody's.

Both give the same bytes to the same meaning: a test writes events by the first and reads them by the types.
"""

from collections.abc import Mapping
from itertools import islice
from typing import Any, NamedTuple

import orjson

from triage_schemas.cloudevents import Headers, event_headers, event_id
from triage_schemas.events import Event, FallbackEvent, IntentEvent
from triage_schemas.input.message import CustomerMessage, Source

TOP_SCORES = 3


class Record(NamedTuple):
    """What is sent: the value and its headers. The key is the input record's."""

    value: bytes
    headers: Headers


class Judgement(NamedTuple):
    """What the model says of one message; ``scores`` of every label, likeliest first."""

    intent: str
    confidence: float
    scores: Mapping[str, float]
    familiarity: float
    truncated: bool
    reason: str | None


class IntentWriter:
    """Writes the events of one model."""

    def __init__(
        self, *, name: str, version: str, threshold: float, descriptions: Mapping[str, str], include_text: bool
    ) -> None:
        self._include_text = include_text
        self._threshold = threshold
        self._model = orjson.Fragment(orjson.dumps({"name": name, "version": version}))
        self._labels = orjson.Fragment(orjson.dumps(dict(descriptions)))

    def accepted(self, message: CustomerMessage, source: Source, by: Judgement, at: str, trace: Headers) -> Record:
        """An `IntentEvent`."""
        event = self._event(message, source, by, at)
        if self._include_text:
            event["text"] = message.text
        return self._record(IntentEvent.TYPE, event, source, trace)

    def fallback(self, message: CustomerMessage, source: Source, by: Judgement, at: str, trace: Headers) -> Record:
        """A `FallbackEvent`."""
        event = self._event(message, source, by, at)
        event["reason"] = by.reason
        event["text"] = message.text
        event["labels"] = self._labels
        return self._record(FallbackEvent.TYPE, event, source, trace)

    def _event(self, message: CustomerMessage, source: Source, by: Judgement, at: str) -> dict[str, Any]:
        return {
            "message_id": message.message_id,
            "conversation_id": message.conversation_id,
            "customer_id": message.customer_id,
            "channel": message.channel,
            "language": message.language,
            "metadata": message.metadata,
            "source": {"topic": source.topic, "partition": source.partition, "offset": source.offset},
            "intent": by.intent,
            "confidence": by.confidence,
            "scores": dict(islice(by.scores.items(), TOP_SCORES)),
            "decided_by": "model",
            "threshold": self._threshold,
            "familiarity": by.familiarity,
            "truncated": by.truncated,
            "model": self._model,
            "classified_at": at,
        }

    def _record(self, event_type: str, event: dict[str, Any], source: Source, trace: Headers) -> Record:
        identity = event_id(event_type, source)
        headers = event_headers(event_type, identity, event["classified_at"], event["message_id"], trace)
        return Record(orjson.dumps(event), headers)


def to_record(event: Event, *, identity: str, time: str, subject: str, trace: Headers | None = None) -> Record:
    """Any event as a record.

    Args:
        event: what happened.
        identity: the event's id; must be the same when the same input is worked on again (see `event_id`).
        time: when it happened, RFC 3339.
        subject: what it is about: a message's id, a ticket's id, an intent.
        trace: the trace context of the record that it came from.
    """
    return Record(event.write(), event_headers(event.TYPE, identity, time, subject, trace or []))
