"""Decisions by the LLM's answer, and the cache of answers."""

from typing import Any

from triage_worker.fallback.completion import Completion
from triage_worker.fallback.llm_decider import Decided, LlmDecider, Undecided

from tests.worker.fallback.events import event
from tests.worker.fallback.scripted_llm import GOOD, ScriptedLlm


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
