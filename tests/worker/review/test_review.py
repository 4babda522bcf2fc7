"""The review: keys, the screen, and the outputs of verdicts."""

import asyncio
import io
from dataclasses import replace

import pytest
from aiokafka.structs import TopicPartition
from rich.console import Console
from triage_schemas.events import IntentEvent, LabelEvent, ReviewEvent
from triage_worker.config.settings import Settings
from triage_worker.kafka.dead_letters import DeadLetterTopic
from triage_worker.observability.metrics import Metrics
from triage_worker.review.reviewer import Reviewer, confirm_on, show_on
from triage_worker.streaming.async_processor import AsyncDecisionProcessor, PendingEvent
from triage_worker.streaming.review_outputs import Earlier, OutputBuilder
from triage_worker.streaming.review_verdicts import (
    Labelled,
    Later,
    NoneOfThese,
    Verdict,
    keys_by_label,
    verdict_for_key,
)
from triage_worker.streaming.tracking.dead_letters import DeadLetters
from triage_worker.streaming.tracking.in_flight import InFlightMessages
from triage_worker.streaming.tracking.offset_tracker import PartitionTracker
from triage_worker.streaming.tracking.output import Output

from tests.worker.fakes import ProcessorHarness, record
from tests.worker.fallback.events import LABELS, event

A = TopicPartition("customer.intents.review", 0)
SETTINGS = Settings(output_topic="out", review_topic="review", labels_topic="labels", include_text=False)
OUTPUTS = replace(OutputBuilder.from_settings(SETTINGS, "OOS"), clock=lambda: 1e9)


def review(text: str = "hm", offset: int = 0) -> ReviewEvent:
    asked = event(text, offset)
    known = {name: getattr(asked, name) for name in asked.model_fields_set}
    return ReviewEvent(**known, review_reason="unsure")


@pytest.mark.parametrize(
    ("key", "verdict"),
    [
        ("1", Labelled("WISMO")),
        ("4", Labelled("OTHER")),
        ("5", None),
        ("0", NoneOfThese()),
        ("-", Later()),
        ("x", None),
        ("", None),
        ("\x1b[A", None),
    ],
)
def test_each_key_has_its_meaning(key: str, verdict: Verdict | None) -> None:
    assert verdict_for_key(key, list(LABELS)) == verdict


def test_labels_have_distinct_keys_and_none_is_a_command() -> None:
    keys = keys_by_label([f"label {number}" for number in range(60)])
    assert len(set(keys.values())) == len(keys) == 34
    assert not {"q", "0", "-"} & set(keys.values())


def audit(text: str = "hm", offset: int = 0, *, accepted: bool = True) -> ReviewEvent:
    """A request of the audit, about an intent that was published unless it was not accepted."""
    fields = review(text, offset).model_dump()
    if accepted:
        del fields["reason"]
    asked = {"audit": True, "audit_probability": 0.02, "audit_weight": 1.0, "threshold_version": 3}
    return ReviewEvent(**{**fields, "intent": "WISMO", "confidence": 0.93, "review_reason": "audit", **asked})


def answered(verdict: Verdict, asked: ReviewEvent | None = None) -> tuple[Output, PendingEvent[ReviewEvent]]:
    asked = review("hm", 1042) if asked is None else asked
    read = record(A, 7, asked.write(), key=b"chat-1")
    pending = PendingEvent(PartitionTracker[Output](A), read, asked)
    return OUTPUTS.build(pending, verdict), pending


def test_a_label_gives_an_intent_and_a_label_event() -> None:
    output, _ = answered(Labelled("CANCEL_ORDER"))
    assert output.companion is not None
    intent, label = IntentEvent.read(output.value or b""), LabelEvent.read(output.companion.value)
    assert (intent.intent, intent.confidence, intent.decided_by) == ("CANCEL_ORDER", 1.0, "human")
    assert (label.label, label.decided_by, label.text, label.model) == ("CANCEL_ORDER", "human", "hm", None)
    assert intent.text is None
    assert (output.topic, output.companion.topic) == ("out", "labels")
    assert dict(output.headers)["ce_id"] == b"triage.intent:customer.messages:0:1042"
    assert output.key == output.companion.key == b"chat-1"


@pytest.mark.parametrize("version", [None, 0, 3])
def test_a_persons_intent_names_the_version_of_the_threshold_that_its_message_did_not_reach(
    version: int | None,
) -> None:
    """A message that only a raised threshold refused is here, too. Where nothing is audited, there is no version."""
    asked = (
        review("hm", 1042) if version is None else review("hm", 1042).model_copy(update={"threshold_version": version})
    )
    output, _ = answered(Labelled("CANCEL_ORDER"), asked)
    intent = IntentEvent.read(output.value or b"")
    assert (intent.threshold, intent.threshold_version) == (asked.threshold, version)
    assert (b"threshold_version" in (output.value or b"")) is (version is not None)


def test_none_of_these_gives_a_label_event_only() -> None:
    output, _ = answered(NoneOfThese())
    assert (output.topic, output.companion) == ("labels", None)
    assert LabelEvent.read(output.value or b"").label == "OOS"


def test_who_agrees_in_an_audit_publishes_only_a_label_since_the_intent_was_published_before() -> None:
    output, _ = answered(Labelled("WISMO"), audit(offset=1042))
    assert (output.topic, output.outcome, output.label, output.companion) == ("labels", "accepted", "WISMO", None)
    label = LabelEvent.read(output.value or b"")
    assert (label.label, label.decided_by, label.audited is not None) == ("WISMO", "human", True)
    assert label.audited is not None
    assert (label.audited.intent, label.audited.confidence, label.audited.agreed) == ("WISMO", 0.93, True)
    assert (label.audited.probability, label.audited.weight, label.audited.threshold_version) == (0.02, 1.0, 3)
    assert label.audited.accepted
    assert dict(output.headers)["ce_id"] == b"triage.label.audit:customer.messages:0:1042"
    assert (label.audited.model, label.audited.threshold) == (audit().model, audit().threshold)


def test_who_disagrees_in_an_audit_publishes_a_correction_that_nobody_takes_for_a_repeat() -> None:
    output, _ = answered(Labelled("CANCEL_ORDER"), audit(offset=1042))
    assert output.companion is not None
    intent, label = IntentEvent.read(output.value or b""), LabelEvent.read(output.companion.value)
    assert (output.topic, intent.intent, intent.corrects, intent.decided_by) == (
        "out",
        "CANCEL_ORDER",
        "WISMO",
        "human",
    )
    assert (intent.threshold, intent.threshold_version) == (audit().threshold, 3), "under which it was published"
    assert dict(output.headers)["ce_id"] == b"triage.intent.correction:customer.messages:0:1042"
    assert dict(output.headers)["ce_type"] == b"triage.intent"
    assert dict(output.companion.headers)["ce_id"] == b"triage.label.audit:customer.messages:0:1042"
    assert label.audited is not None
    assert (label.label, label.audited.intent, label.audited.agreed) == ("CANCEL_ORDER", "WISMO", False)


@pytest.mark.parametrize(
    ("verdict", "earlier", "ids", "corrects"),
    [
        (
            Labelled("WISMO"),
            Earlier("CANCEL_ORDER", 1),
            ["triage.intent.correction.2", "triage.label.2"],
            "CANCEL_ORDER",
        ),
        (Labelled("WISMO"), Earlier(None, 1), ["triage.intent", "triage.label.2"], None),
        (Labelled("WISMO"), Earlier("WISMO", 2), ["triage.label.3"], None),
        (NoneOfThese(), Earlier("WISMO", 1), ["triage.label.2"], None),
    ],
    ids=["another intent", "none was published", "the same again", "none of these"],
)
def test_an_answer_that_replaces_another_has_ids_of_its_own(
    verdict: Verdict, earlier: Earlier, ids: list[str], corrects: str | None
) -> None:
    asked = review("hm", 1042)
    pending = PendingEvent(PartitionTracker[Output](A), record(A, 7, asked.write(), key=b"chat-1"), asked)
    output = OUTPUTS.build(pending, verdict, earlier)
    headers = [output.headers, *([] if output.companion is None else [output.companion.headers])]
    assert [dict(one)["ce_id"] for one in headers] == [f"{one}:customer.messages:0:1042".encode() for one in ids]
    if output.companion is not None:
        assert IntentEvent.read(output.value or b"").corrects == corrects
    else:
        assert output.topic == "labels"


@pytest.mark.parametrize(
    ("verdict", "asked"),
    [(NoneOfThese(), audit(offset=1042)), (Labelled("CANCEL_ORDER"), audit(offset=1042, accepted=False))],
    ids=["none of these", "not accepted, so the fallback decides"],
)
def test_other_answers_in_an_audit_give_only_a_label_that_disagrees(verdict: Verdict, asked: ReviewEvent) -> None:
    output, _ = answered(verdict, asked)
    label = LabelEvent.read(output.value or b"")
    assert (output.topic, output.companion) == ("labels", None)
    assert label.audited is not None
    assert (label.audited.agreed, label.audited.accepted) == (False, asked.reason is None)


def test_later_in_an_audit_gives_the_same_request_again() -> None:
    output, pending = answered(Later(), audit())
    assert (output.topic, output.value) == ("review", pending.record.value)


def test_later_gives_the_same_record_at_the_end_of_the_queue() -> None:
    output, pending = answered(Later())
    assert (output.topic, output.key, output.value) == ("review", b"chat-1", pending.record.value)
    assert list(output.headers) == list(pending.record.headers)


async def test_each_message_takes_one_key_and_no_key_answers_an_unseen_message() -> None:
    screen = io.StringIO()
    console = Console(file=screen, width=100)
    leaving = asyncio.Event()
    seen: asyncio.Queue[str] = asyncio.Queue()

    def show(shown: ReviewEvent) -> None:
        show_on(console)(shown)
        seen.put_nowait(shown.text)

    reviewer = Reviewer(show, confirm_on(console), leaving)
    in_flight = InFlightMessages(Metrics())
    processor = AsyncDecisionProcessor(
        ReviewEvent, reviewer, OUTPUTS.build, DeadLetters(DeadLetterTopic("dlq")), in_flight, concurrency=1
    )
    async with ProcessorHarness(processor, in_flight, A) as harness:
        reviewer.press("1")  # nothing is shown yet
        await harness.process({A: [record(A, number, review(text).write()) for number, text in enumerate("ab\x1bc")]})
        assert await seen.get() == "a"
        await asyncio.sleep(0)
        reviewer.press("z")
        await asyncio.sleep(0)
        reviewer.press("2")
        reviewer.press("2")  # ignored: the next message is not shown yet
        assert await seen.get() == "b"
        await asyncio.sleep(0)
        reviewer.press("0")
        outputs = await harness.wait_for_outputs(2)
        assert [output.label for output in outputs] == ["RETURN_REQUEST", "none_of_these"]
        reviewer.press("Q")
        assert leaving.is_set()
    assert "→ RETURN_REQUEST" in screen.getvalue()
    assert "\x1b" not in screen.getvalue()


def test_the_screen_shows_the_text_the_scores_and_the_keys() -> None:
    screen = io.StringIO()
    show_on(Console(file=screen, width=100))(review("[bold]where[/bold]\x1b[2J is\tit"))
    shown = screen.getvalue()
    assert "[bold]where[/bold] [2J is it" in shown
    assert "OTHER 0.40, WISMO 0.30, CANCEL_ORDER 0.20" in shown
    assert "low_confidence" in shown
    assert all(f" {key}  {label}" in shown for label, key in keys_by_label(list(LABELS)).items())


def shown_for(asked: ReviewEvent, verdict: Verdict | None = None) -> str:
    screen = io.StringIO()
    console = Console(file=screen, width=100, force_terminal=True, highlight=False)
    if verdict is None:
        show_on(console)(asked)
    else:
        confirm_on(console)(asked, verdict)
    return screen.getvalue()


def test_an_audited_message_does_not_show_what_the_model_answered() -> None:
    asked = audit("where is it")
    other = asked.model_copy(update={"intent": "OTHER", "scores": {"OTHER": 0.99}, "confidence": 0.99})
    assert shown_for(asked) == shown_for(other)
    assert "where is it" in shown_for(asked)
    assert "audit" in shown_for(asked)


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        (Labelled("WISMO"), "→ WISMO; the model agrees (0.93)"),
        (Labelled("OTHER"), "→ OTHER; the model said WISMO (0.93)"),
        (NoneOfThese(), "→ none of these; the model said WISMO (0.93)"),
        (Later(), "→ later"),
    ],
)
def test_after_an_answer_the_screen_says_whether_the_model_agrees(verdict: Verdict, said: str) -> None:
    assert said in shown_for(audit(), verdict)
    assert "the model" not in shown_for(audit(), Later())
    assert "the model" not in shown_for(review(), verdict)


def test_labels_have_no_personal_data_where_that_is_set() -> None:
    outputs = OutputBuilder.from_settings(SETTINGS.model_copy(update={"redact_in": "labels"}), "OOS")
    pending = PendingEvent(PartitionTracker[Output](A), record(A, 0, b"x"), review("mail a@example.com"))
    for builder, text in ((outputs, "mail [EMAIL_1]"), (OUTPUTS, "mail a@example.com")):
        assert LabelEvent.read(builder.build(pending, NoneOfThese()).value or b"").text == text
