from dataclasses import dataclass, replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from triage_schemas.cloudevents import event_id, timestamp, trace_headers
from triage_schemas.dead_letters import dead_letter_headers
from triage_schemas.events import FallbackEvent, IntentEvent, LabelEvent, ReviewEvent, SourceRef
from triage_schemas.messages.message import CustomerMessage, Source
from triage_schemas.records import AuditRequest, IntentWriter, Prediction, Threshold, audit_kind, to_record

AT = "2025-11-24T10:00:00.123Z"
SOURCE = Source("customer.messages", 3, 1042)
MESSAGE = CustomerMessage("where is it", "m-1", "c-1", "u-1", "chat", "en", None, {"tier": "gold"})
SCORES = {"WISMO": 0.9, "OTHER": 0.05, "CANCEL_ORDER": 0.03, "ACCOUNT_ISSUE": 0.02}
PREDICTION = Prediction("WISMO", 0.93, SCORES, 0.8, False, None)
TRACE = [("traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")]


def writer(*, include_text: bool = False) -> IntentWriter:
    return IntentWriter(
        name="ecommerce",
        version="1",
        threshold=0.8,
        descriptions={"WISMO": "where is my order", "OTHER": "anything else"},
        include_text=include_text,
    )


def test_an_accepted_intent_has_the_fields_of_the_contract() -> None:
    value = orjson.loads(writer().accepted(MESSAGE, SOURCE, PREDICTION, AT, []).value)
    assert value == {
        "message_id": "m-1",
        "conversation_id": "c-1",
        "customer_id": "u-1",
        "channel": "chat",
        "language": "en",
        "metadata": {"tier": "gold"},
        "source": {"topic": "customer.messages", "partition": 3, "offset": 1042},
        "intent": "WISMO",
        "confidence": 0.93,
        "scores": {"WISMO": 0.9, "OTHER": 0.05, "CANCEL_ORDER": 0.03},
        "decided_by": "model",
        "threshold": 0.8,
        "familiarity": 0.8,
        "truncated": False,
        "model": {"name": "ecommerce", "version": "1"},
        "classified_at": AT,
    }


def test_a_refused_intent_says_whether_it_is_a_suggestion() -> None:
    for suggested in (True, False):
        refused = PREDICTION._replace(reason="low_confidence", suggested=suggested)
        value = orjson.loads(writer().fallback(MESSAGE, SOURCE, refused, AT, []).value)
        assert value["suggested"] is suggested
        del value["suggested"]
        assert FallbackEvent.read(orjson.dumps(value)).suggested is False, "events of earlier versions have no field"


def test_the_threshold_of_an_event_is_that_of_its_intent() -> None:
    own = IntentWriter(
        name="m", version="1", threshold=0.8, descriptions={}, include_text=False, intent_thresholds={"WISMO": 0.9}
    )
    written = [
        orjson.loads(own.accepted(MESSAGE, SOURCE, PREDICTION._replace(intent=intent), AT, []).value)["threshold"]
        for intent in ("WISMO", "OTHER")
    ]
    assert written == [0.9, 0.8]


def test_the_text_is_included_only_on_request() -> None:
    event = IntentEvent.read(writer(include_text=True).accepted(MESSAGE, SOURCE, PREDICTION, AT, []).value)
    assert event.text == "where is it"


def test_an_audit_request_has_the_text_and_says_why_it_was_selected() -> None:
    value = orjson.loads(
        writer().audit(MESSAGE, SOURCE, PREDICTION, AT, [], Threshold(0.85, 2), AuditRequest(0.02, 1.0)).value
    )
    assert (value["audit"], value["audit_probability"], value["review_reason"]) == (True, 0.02, "audit")
    assert (value["text"], value["intent"], value["confidence"]) == ("where is it", "WISMO", 0.93)
    assert (value["threshold"], value["threshold_version"]) == (0.85, 2)
    assert "reason" not in value


def test_headers_follow_the_cloudevents_binding() -> None:
    headers = dict(writer().accepted(MESSAGE, SOURCE, PREDICTION, AT, TRACE).headers)
    assert headers == {
        "ce_specversion": b"1.0",
        "ce_id": b"triage.intent:customer.messages:3:1042",
        "ce_source": b"/triage",
        "ce_type": b"triage.intent",
        "ce_time": AT.encode(),
        "ce_subject": b"m-1",
        "content-type": b"application/json",
        "traceparent": TRACE[0][1],
    }


names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
optional = st.none() | names
scalars = st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | names
probability = st.floats(0, 1)
messages = st.builds(
    CustomerMessage,
    text=names,
    message_id=names,
    conversation_id=optional,
    customer_id=optional,
    channel=optional,
    language=optional,
    metadata=st.dictionaries(names, scalars, max_size=3),
)


@dataclass(frozen=True)
class Found:
    """An entity as the worker finds it."""

    type: str
    start: int
    end: int
    value: str
    currency: str | None = None


entities = st.builds(
    Found, type=names, start=st.integers(0, 99), end=st.integers(0, 99), value=names, currency=st.none() | names
)
predictions = st.builds(
    Prediction,
    intent=names,
    confidence=probability,
    scores=st.dictionaries(names, probability, max_size=5),
    familiarity=st.floats(-1, 1),
    truncated=st.booleans(),
    reason=st.sampled_from(["low_confidence", "unfamiliar", "ambiguous", "out_of_scope", "unsupported_language"]),
    suggested=st.booleans(),
    entities=st.lists(entities, max_size=3),
    intents=st.lists(st.tuples(names, probability), max_size=3),
)
thresholds = st.none() | st.builds(Threshold, probability, st.integers(0, 2**53))
sources = st.builds(Source, topic=st.just("in"), partition=st.integers(0, 99), offset=st.integers(0, 2**62))


@given(messages, sources, predictions, thresholds, st.booleans(), st.floats(0, 4e9))
def test_the_direct_writer_and_the_types_agree(
    message: CustomerMessage,
    source: Source,
    prediction: Prediction,
    threshold: Threshold | None,
    include_text: bool,
    now: float,
) -> None:
    at = timestamp(now)
    accepted = writer(include_text=include_text).accepted(message, source, prediction, at, [], threshold)
    fallback = writer().fallback(message, source, prediction, at, [], threshold)
    why = AuditRequest(0.02, 1.0)
    audits = [
        writer().audit(message, source, audited, at, [], threshold or Threshold(0.8, 0), why)
        for audited in (prediction, prediction._replace(reason=None))
    ]
    for record, event in (
        (accepted, IntentEvent.read(accepted.value)),
        (fallback, FallbackEvent.read(fallback.value)),
        *((audit, ReviewEvent.read(audit.value)) for audit in audits),
    ):
        assert orjson.loads(event.write()) == orjson.loads(record.value)
        identity = event_id(audit_kind(ReviewEvent) if record in audits else event.TYPE, source)
        again = to_record(event, identity=identity, time=at, subject=message.message_id)
        assert again.headers == record.headers


def test_reading_ignores_unknown_fields() -> None:
    value = orjson.loads(writer().accepted(MESSAGE, SOURCE, PREDICTION, AT, []).value)
    value |= {"sentiment": 0.1, "model": {"name": "ecommerce", "version": "1", "size": 22}}
    assert IntentEvent.read(orjson.dumps(value)).model.name == "ecommerce"


def test_writing_validates() -> None:
    good = {
        "message_id": "m",
        "conversation_id": None,
        "customer_id": None,
        "channel": None,
        "source": SourceRef(topic="t", partition=0, offset=1),
        "text": "a",
        "label": "WISMO",
        "decided_by": "human",
        "labelled_at": IntentEvent.read(writer().accepted(MESSAGE, SOURCE, PREDICTION, AT, []).value).classified_at,
    }
    assert LabelEvent.model_validate(good).label == "WISMO"
    for wrong in ({"lable": "WISMO"}, {"message_id": 5}, {"decided_by": "nobody"}):
        with pytest.raises(ValidationError):
            LabelEvent.model_validate(good | wrong)


def test_only_the_trace_context_passes_through() -> None:
    headers = [("x-tenant", b"a"), *TRACE, ("tracestate", b"k=v"), ("traceparent", None)]
    assert trace_headers(headers) == [*TRACE, ("tracestate", b"k=v")]


def test_a_dead_letter_has_its_own_headers_and_the_reason() -> None:
    original: list[tuple[str, bytes | None]] = [("x-tenant", b"a"), ("x-null", None), ("x-tenant", b"b")]
    headers = dead_letter_headers(original, SOURCE, "not_json", "the value is not JSON", AT)
    assert headers[:3] == original
    assert dict(headers[3:]) == {
        "dlq.topic": b"customer.messages",
        "dlq.partition": b"3",
        "dlq.offset": b"1042",
        "dlq.error": b"not_json",
        "dlq.message": b"the value is not JSON",
        "dlq.time": AT.encode(),
        "dlq.version": b"1",
    }


def test_events_have_the_helpdesks_ticket_only_where_there_is_one() -> None:
    ticketed = replace(MESSAGE, helpdesk_ticket_id="1042")
    refused = PREDICTION._replace(reason="low_confidence")
    for record in (
        writer().accepted(ticketed, SOURCE, PREDICTION, AT, []),
        writer().fallback(ticketed, SOURCE, refused, AT, []),
    ):
        assert orjson.loads(record.value)["helpdesk_ticket_id"] == "1042"
    assert b"helpdesk_ticket_id" not in writer().accepted(MESSAGE, SOURCE, PREDICTION, AT, []).value
