"""The requests of the audit: which messages, with what in them, and which threshold decides."""

import pytest
from triage_models.audit.selection import AuditPolicy
from triage_models.serving.decision import Decision
from triage_schemas.events import FallbackEvent, IntentEvent, ReviewEvent
from triage_schemas.messages.message import CustomerMessage
from triage_schemas.records import IntentWriter, Threshold
from triage_worker.classify.outputs import Audit, DecodedMessage, OutputWriter
from triage_worker.classify.service import needed_topics
from triage_worker.config.settings import Settings
from triage_worker.streaming.tracking.offset_tracker import PartitionTracker
from triage_worker.streaming.tracking.output import Output

from tests.worker.classify.harness import A
from tests.worker.fakes import record

ACCEPTED = Decision("WISMO", 0.9, True, None, {"WISMO": 0.9, "OTHER": 0.1}, 0.8, False)
REFUSED = Decision("WISMO", 0.3, False, "ambiguous", {"WISMO": 0.3, "OTHER": 0.3}, 0.8, False)
OWN = Threshold(0.8, 0)


def output(decision: Decision, share: float | None, message_id: str = "m", threshold: Threshold = OWN) -> Output:
    events = IntentWriter(name="b", version="1", threshold=0.8, descriptions={"WISMO": "where"}, include_text=False)
    audit = None if share is None else Audit(AuditPolicy(share), "review", lambda intent: threshold)
    message = CustomerMessage("where is it", message_id)
    decoded = DecodedMessage(PartitionTracker[Output](A), record(A, 7, b"{}", key=b"chat-1"), message)
    return OutputWriter(events, "out", "fallback", audit).output(decoded, decision)


def request(made: Output) -> ReviewEvent:
    assert made.companion is not None
    return ReviewEvent.read(made.companion.value)


def test_an_audited_message_is_published_as_any_other_and_also_asked_about() -> None:
    made = output(ACCEPTED, 1.0)
    intent, asked = IntentEvent.read(made.value or b""), request(made)
    assert (made.topic, made.outcome, made.label) == ("out", "accepted", "WISMO")
    assert (intent.text, intent.threshold, intent.threshold_version) == (None, 0.8, 0)
    assert made.companion is not None
    assert (made.companion.topic, made.companion.key) == ("review", b"chat-1")
    assert (asked.audit, asked.audit_probability, asked.audit_weight) == (True, 1.0, 1.0)
    assert (asked.text, asked.reason, asked.intent, asked.confidence) == ("where is it", None, "WISMO", 0.9)
    assert (asked.threshold, asked.threshold_version, asked.labels) == (0.8, 0, {"WISMO": "where"})
    assert dict(made.companion.headers)["ce_id"] == b"triage.intent.review.audit:in:0:7"


@pytest.mark.parametrize("share", [None, 0.0])
def test_nothing_is_audited_without_a_share(share: float | None) -> None:
    assert output(ACCEPTED, share).companion is None
    assert output(REFUSED, 1.0).companion is None


def test_without_an_audit_events_are_as_before() -> None:
    assert b"threshold_version" not in (output(ACCEPTED, None).value or b"")


def test_the_id_decides_who_is_audited() -> None:
    ids = [f"m-{number}" for number in range(2_000)]
    audited = {one for one in ids if output(ACCEPTED, 0.3, one).companion is not None}
    assert 500 < len(audited) < 700
    assert audited == {one for one in ids if AuditPolicy(0.3).select(one, 0.9).selected}
    assert {request(output(ACCEPTED, 0.3, one)).audit_probability for one in audited} == {0.3}


def test_below_a_raised_threshold_a_message_goes_to_the_fallback_and_is_still_audited() -> None:
    made = output(ACCEPTED, 1.0, threshold=Threshold(0.95, 3))
    event, asked = FallbackEvent.read(made.value or b""), request(made)
    assert (made.topic, made.outcome, made.label) == ("fallback", "fallback", "low_confidence")
    assert (event.reason, event.threshold, event.threshold_version) == ("low_confidence", 0.95, 3)
    assert (asked.reason, asked.threshold, asked.threshold_version) == ("low_confidence", 0.95, 3)
    assert output(ACCEPTED, 0.0, threshold=Threshold(0.9, 3)).outcome == "accepted"


def test_the_review_topic_is_needed_only_for_an_audit() -> None:
    assert "review_topic" not in needed_topics(Settings())
    assert needed_topics(Settings(audit_share=0.01))["review_topic"] == "Write"
