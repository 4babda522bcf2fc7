"""Decisions by the LLM's answer, and the cache of answers."""

from typing import Any

import orjson
from aiokafka.structs import TopicPartition
from triage_schemas.events import EntityRef, IntentEvent, LabelEvent, ReviewEvent
from triage_worker.config.settings import Settings
from triage_worker.fallback.completion import Completion
from triage_worker.fallback.llm_decider import READ_CHARACTERS, Decided, LlmDecider, Undecided, redacted
from triage_worker.fallback.outputs import OutputBuilder
from triage_worker.streaming.async_processor import PendingEvent
from triage_worker.streaming.tracking.offset_tracker import PartitionTracker
from triage_worker.streaming.tracking.output import Output

from tests.worker.fakes import record
from tests.worker.fallback.events import event
from tests.worker.fallback.harness import OUTPUTS
from tests.worker.fallback.scripted_llm import GOOD, ScriptedLlm

A = TopicPartition("customer.intents.fallback", 0)


def decider_of(scripted: ScriptedLlm, **arguments: Any) -> LlmDecider:
    defaults: dict[str, Any] = {"min_confidence": 0.6, "ask_out_of_scope": False, "metrics": scripted.metrics}
    return LlmDecider(scripted.llm, **(defaults | arguments))


async def test_an_answer_is_a_decision_or_a_reason_for_review() -> None:
    unsure = Completion('{"intent": "WISMO", "confidence": 0.59}', 1, 1)
    none = Completion('{"intent": "none of these", "confidence": 1}', 1, 1)
    scripted = ScriptedLlm(GOOD, unsure, none)
    decider = decider_of(scripted)
    assert await decider.decide(event("a")) == Decided("WISMO", 0.9)
    assert await decider.decide(event("b")) == Undecided("unsure")
    assert await decider.decide(event("c")) == Undecided("none_of_these")


async def test_out_of_scope_messages_cost_no_call_unless_configured() -> None:
    scripted = ScriptedLlm(GOOD)
    greeting = event("hello", reason="out_of_scope")
    assert await decider_of(scripted).decide(greeting) == Undecided("out_of_scope")
    assert await decider_of(scripted, ask_out_of_scope=True).decide(greeting) == Decided("WISMO", 0.9)


async def test_the_same_question_is_asked_once_and_other_labels_make_another() -> None:
    scripted = ScriptedLlm(GOOD, GOOD)
    decider = decider_of(scripted)
    for offset in range(3):
        assert await decider.decide(event("where is it", offset)) == Decided("WISMO", 0.9)
    assert len(scripted.endpoint.script) == 1
    assert scripted.metric("triage_llm_cached_total") == 2
    assert await decider.decide(event("where is it", labels={"WISMO": "another meaning"})) == Decided("WISMO", 0.9)
    assert scripted.endpoint.script == []


async def test_the_cache_drops_the_least_recently_used_answer_and_stores_no_failure() -> None:
    scripted = ScriptedLlm(GOOD, GOOD, GOOD, GOOD, Completion("{", 1, 1), GOOD)
    decider = decider_of(scripted, cached=2)
    for text in ("a", "b", "a", "c", "b", "x", "x"):
        await decider.decide(event(text))
    assert scripted.endpoint.script == []


async def test_the_llm_gets_placeholders_in_place_of_personal_data() -> None:
    scripted = ScriptedLlm(GOOD)
    decider = decider_of(scripted, redact=Settings().redaction("llm"))
    assert await decider.decide(event("I am Ana Silva, card 4111 1111 1111 1111")) == Decided("WISMO", 0.9)
    instruction, question = scripted.endpoint.asked[0]["messages"]
    assert orjson.loads(question["content"])["message"] == "I am [NAME_1], card [CARD_1]"
    assert "[EMAIL_1], stand for personal data" in instruction["content"]


async def test_the_llm_gets_the_text_as_it_is_where_redaction_is_off() -> None:
    for settings in (Settings(redact="none"), Settings(redact_in="review")):
        scripted = ScriptedLlm(GOOD)
        await decider_of(scripted, redact=settings.redaction("llm")).decide(event("mail a@example.com"))
        assert "mail a@example.com" in scripted.endpoint.asked[0]["messages"][1]["content"]


def test_no_half_of_a_value_stays_where_a_long_text_is_cut() -> None:
    cut = READ_CHARACTERS - 9
    text = "a" * (cut - 1) + " 4111111111111111 and more"
    assert "4111" not in redacted(event(text), Settings().redaction("llm")).text


def test_review_and_labels_have_no_personal_data_where_that_is_set() -> None:
    settings = Settings(llm_model="m", redact_in="review,labels")
    pending = PendingEvent(PartitionTracker[Output](A), record(A, 0, b"x"), event("mail a@example.com"))
    for built, text in ((OutputBuilder.from_settings(settings), "mail [EMAIL_1]"), (OUTPUTS, "mail a@example.com")):
        asked, decided = built.build(pending, Undecided("unsure")), built.build(pending, Decided("WISMO", 0.9))
        assert decided.companion is not None
        assert ReviewEvent.read(asked.value or b"").text == text
        assert LabelEvent.read(decided.companion.value).text == text


def test_entities_stay_with_the_intent_and_with_what_review_may_show() -> None:
    settings = Settings(llm_model="m", redact_in="review")
    found = [
        EntityRef(type="email", start=0, end=13, value="a@example.com"),
        EntityRef(type="x", start=14, end=16, value="5"),
    ]
    pending = PendingEvent(PartitionTracker[Output](A), record(A, 0, b"x"), event("a@example.com $5", entities=found))
    builder = OutputBuilder.from_settings(settings)
    assert IntentEvent.read(builder.build(pending, Decided("WISMO", 0.9)).value or b"").entities == found
    asked = ReviewEvent.read(builder.build(pending, Undecided("unsure")).value or b"")
    assert [(one.type, asked.text[one.start : one.end]) for one in asked.entities] == [("x", "$5")]
