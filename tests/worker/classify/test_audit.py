"""The requests of the audit: which messages, with what in them, and which threshold decides."""

from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from triage_models import DEFAULT_BUNDLE, Classifier
from triage_models.audit.selection import AuditPolicy
from triage_models.bundle.bundle import Bundle
from triage_models.bundle.manifest import SUGGESTION, IntentThreshold, Suggestion
from triage_models.serving.decision import Decision, Wish
from triage_schemas.events import EntityRef, FallbackEvent, IntentEvent, ReviewEvent
from triage_schemas.messages.message import CustomerMessage
from triage_schemas.records import IntentWriter, Threshold
from triage_worker.classify.loading import load_for_serving
from triage_worker.classify.outputs import Audit, DecodedMessage, OutputWriter
from triage_worker.classify.service import needed_topics
from triage_worker.config.settings import Settings
from triage_worker.inference.message_languages import MessageLanguages
from triage_worker.inference.text_source import TextSource
from triage_worker.kafka.control_topic import Decisions, bundle_key
from triage_worker.observability.metrics import Metrics
from triage_worker.streaming.tracking.offset_tracker import PartitionTracker
from triage_worker.streaming.tracking.output import Output

from tests.models.fake_bundles import variant
from tests.worker.classify.harness import A
from tests.worker.classify.test_thresholds import decided
from tests.worker.fakes import record

ACCEPTED = Decision("WISMO", 0.9, True, None, {"WISMO": 0.9, "OTHER": 0.1}, 0.8, False)
REFUSED = Decision("WISMO", 0.3, False, "ambiguous", {"WISMO": 0.3, "OTHER": 0.3}, 0.8, False)
OWN = Threshold(0.8, 0)
SHIPPED = Bundle.open(DEFAULT_BUNDLE, verify=False).manifest


def output(
    decision: Decision,
    share: float | None,
    message_id: str = "m",
    threshold: Threshold = OWN,
    suggestion: float | None = None,
) -> Output:
    events = IntentWriter(name="b", version="1", threshold=0.8, descriptions={"WISMO": "where"}, include_text=False)
    audit = None if share is None else Audit(AuditPolicy(share), "review", lambda intent: threshold, suggestion)
    return OutputWriter(events, "out", "fallback", audit).output(decoded_message(message_id), decision)


def decoded_message(message_id: str) -> DecodedMessage:
    message = CustomerMessage("where is it", message_id)
    source = TextSource(MessageLanguages(None))
    return DecodedMessage(
        message, source, tracker=PartitionTracker[Output](A), record=record(A, 7, b"{}", key=b"chat-1")
    )


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


def test_until_a_threshold_is_decided_the_bundles_own_decision_holds() -> None:
    """It compares in single precision, where a confidence may reach a threshold that is slightly above it."""
    tie = replace(ACCEPTED, confidence=0.8 - 1e-9)
    assert output(tie, 1.0).outcome == "accepted"
    assert output(tie, 1.0, threshold=Threshold(0.8, 1)).outcome == "fallback"


@pytest.mark.parametrize(("suggestion", "suggested"), [(0.5, True), (0.9, True), (0.92, False), (None, False)])
def test_what_only_a_raised_threshold_refuses_is_a_suggestion_from_the_second_threshold_on(
    suggestion: float | None, suggested: bool
) -> None:
    made = output(ACCEPTED, 1.0, threshold=Threshold(0.95, 3), suggestion=suggestion)
    assert FallbackEvent.read(made.value or b"").suggested is suggested
    assert request(made).suggested is suggested


def test_what_is_accepted_is_no_suggestion_and_what_the_bundle_suggests_stays_one() -> None:
    raised = Threshold(0.95, 3)
    assert request(output(replace(ACCEPTED, confidence=0.96), 1.0, threshold=raised, suggestion=0.5)).suggested is False
    for decision in (REFUSED, replace(REFUSED, suggested=True)):
        event = FallbackEvent.read(output(decision, 1.0, threshold=raised, suggestion=0.1).value or b"")
        assert (event.suggested, event.reason) == (decision.suggested, "ambiguous")


def test_a_bundle_serves_by_the_higher_of_its_own_thresholds_and_a_raised_one(tmp_path: Path) -> None:
    guarantee = SHIPPED.thresholds.guarantee
    own = {"CANCEL_ORDER": IntentThreshold(confidence=0.93, guarantee=guarantee)}
    bundle = variant(
        tmp_path / "bundle",
        "1",
        thresholds=SHIPPED.thresholds.model_copy(update={"confidence": 0.8, "by_intent": own}),
        metrics=SHIPPED.metrics | {SUGGESTION: Suggestion(confidence=0.6, guarantee=guarantee).model_dump()},
    )
    classifier, decisions = Classifier.open(bundle, device="cpu", threads=1), Decisions()
    writer = load_for_serving(Settings(audit_share=1.0), classifier, Metrics(), decisions).writer

    def served(intent: str, confidence: float) -> tuple[str, float, bool]:
        """What becomes of a message that the bundle accepts: its topic, the threshold, and whether it is suggested."""
        decision = replace(ACCEPTED, intent=intent, confidence=confidence)
        made = writer.output(decoded_message("m"), decision)
        assert isinstance(made, Output)
        event = orjson.loads(made.value or b"")
        assert request(made).threshold == event["threshold"]
        return made.outcome, event["threshold"], event.get("suggested", False)

    assert served("WISMO", 0.85) == ("accepted", 0.8, False)
    assert served("CANCEL_ORDER", 0.94) == ("accepted", 0.93, False)
    key = bundle_key("ecommerce", "1")
    decisions.update([record(A, 0, decided(0.9, 1, "ecommerce"), key)])
    assert served("WISMO", 0.85) == ("fallback", 0.9, True)
    assert served("WISMO", 0.91) == ("accepted", 0.9, False)
    assert served("CANCEL_ORDER", 0.94) == ("accepted", 0.93, False)
    decisions.update([record(A, 1, decided(0.97, 2, "ecommerce"), key)])
    assert served("CANCEL_ORDER", 0.94) == ("fallback", 0.97, True)


def test_the_review_topic_is_needed_only_for_an_audit() -> None:
    assert "review_topic" not in needed_topics(Settings())
    assert needed_topics(Settings(audit_share=0.01))["review_topic"] == "Write"


def test_people_see_no_personal_data_where_that_is_set() -> None:
    events = IntentWriter(name="b", version="1", threshold=0.8, descriptions={"WISMO": "where"}, include_text=True)
    redact = Settings(redact_in="review").redaction("review")
    audit = Audit(AuditPolicy(1.0), "review", lambda intent: OWN, redact=redact)
    message = replace(decoded_message("m"), message=CustomerMessage("mail a@example.com", "m"))
    made = OutputWriter(events, "out", "fallback", audit).output(message, ACCEPTED)
    assert request(made).text == "mail [EMAIL_1]"
    assert IntentEvent.read(made.value or b"").text == "mail a@example.com"


def test_events_list_every_wish_with_its_probability() -> None:
    both = replace(ACCEPTED, further=(Wish("OTHER", 0.75),))
    found = IntentEvent.read(output(both, None).value or b"")
    assert [(wish.intent, wish.probability) for wish in found.intents] == [("WISMO", 0.9), ("OTHER", 0.75)]
    assert found.intent == "WISMO"
    refused = FallbackEvent.read(output(REFUSED, None).value or b"")
    assert [(wish.intent, wish.probability) for wish in refused.intents] == [("WISMO", 0.3)]


def test_events_list_the_entities_of_the_text() -> None:
    events = IntentWriter(name="b", version="1", threshold=0.8, descriptions={"WISMO": "where"}, include_text=False)
    audit = Audit(
        AuditPolicy(1.0), "review", lambda intent: OWN, redact=Settings(redact_in="review").redaction("review")
    )
    writer = OutputWriter(events, "out", "fallback", audit)
    message = replace(
        decoded_message("m"),
        message=CustomerMessage("a@example.com paid $5 on 2024-03-12", "m"),
        entities=Settings().entity_extractor(),
    )
    accepted, refused = writer.output(message, ACCEPTED), writer.output(message, REFUSED)
    expected = [
        EntityRef(type="email", start=0, end=13, value="a@example.com"),
        EntityRef(type="amount", start=19, end=21, value="5", currency="USD"),
        EntityRef(type="date", start=25, end=35, value="2024-03-12"),
    ]
    assert IntentEvent.read(accepted.value or b"").entities == expected
    assert FallbackEvent.read(refused.value or b"").entities == expected
    asked = request(accepted)
    assert [(one.type, asked.text[one.start : one.end]) for one in asked.entities] == [
        ("amount", "$5"),
        ("date", "2024-03-12"),
    ]


def test_events_without_entities_are_as_before() -> None:
    events = IntentWriter(name="b", version="1", threshold=0.8, descriptions={"WISMO": "where"}, include_text=False)
    message = replace(decoded_message("m"), message=CustomerMessage("paid $5", "m"))
    off, on = Settings(entities="none").entity_extractor(), Settings().entity_extractor()
    for extractor, listed in ((None, False), (off, False), (on, True)):
        made = OutputWriter(events, "out", "fallback").output(replace(message, entities=extractor), ACCEPTED)
        assert (b"entities" in (made.value or b"")) == listed
