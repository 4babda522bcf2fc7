"""What an examination finds, what it says, and when none is needed."""

import asyncio

import pytest
from triage_worker.fallback.error_body import ErrorBody
from triage_worker.fallback.errors import NotACompletionError, RejectedError, UnavailableError
from triage_worker.fallback.examiner import Examiner, Fault, KnownGood
from triage_worker.fallback.llm_calls import Limits, Timer

from tests.worker.fallback.events import LABELS, event
from tests.worker.fallback.rules import OTHER_FORM, PROSE, WISMO, Rules, Step, confirmed, refusal, turns
from tests.worker.fallback.scripted_llm import GOOD, ScriptedLlm

LIMITS = Limits(timeout_s=15.0, deadline_s=5.0, max_tokens=50)


def examiner_of(scripted: ScriptedLlm, unusable_limit: int = 2) -> Examiner:
    llm = scripted.llm
    timer = Timer(scripted.clock, scripted.clock.sleep)
    return Examiner(llm._calls, llm.negotiation, llm.negotiation._changed, LIMITS, timer, unusable_limit)


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (
            RejectedError("status 402", ErrorBody("No credit", code="insufficient_quota")),
            "the LLM endpoint refuses every request: status 402: “No credit (insufficient_quota)”",
        ),
        (
            RejectedError("status 404: check it", ErrorBody("No such model")),
            "the LLM endpoint refuses every request: status 404: check it: “No such model”",
        ),
        (
            RejectedError("status 403", ErrorBody(code="forbidden")),
            "the LLM endpoint refuses every request: status 403: “(forbidden)”",
        ),
        (RejectedError("status 403", ErrorBody()), "the LLM endpoint refuses every request: status 403"),
        (
            NotACompletionError("text/html", ErrorBody("Sign in")),
            "the LLM endpoint answers with no completion: text/html: “Sign in”",
        ),
        (NotACompletionError(), "the LLM endpoint answers with no completion"),
    ],
)
async def test_a_fault_is_described_in_the_words_and_the_code_of_the_endpoint(error: Step, problem: str) -> None:
    scripted = await confirmed(Rules(a=refusal(status=402), known_good=error))
    assert await scripted.ask(event("a")) is None
    assert scripted.llm.fault == problem


async def test_an_endpoint_that_took_a_request_since_is_not_examined() -> None:
    rules = Rules(known_good=GOOD)
    scripted = await confirmed(rules)
    examiner, profile = examiner_of(scripted), scripted.llm.negotiation.profile
    examiner.record_good(11.0)
    examiner.record_good(5.0)
    assert await examiner.examine_refusal(LABELS, profile, 10.0, all_formats=False) == "message"
    assert rules.texts == []
    assert await examiner.examine_refusal(LABELS, profile, 11.0, all_formats=False) == "message"
    assert rules.texts == ["known-good"]
    assert await examiner.examine_refusal(LABELS, profile, 12.0, all_formats=False) == "message"
    assert rules.texts == ["known-good"], "that call showed it, too"


async def test_an_endpoint_that_is_at_fault_is_not_examined() -> None:
    rules = Rules(known_good=GOOD)
    scripted = await confirmed(rules)
    examiner, profile = examiner_of(scripted), scripted.llm.negotiation.profile
    examiner.fault = Fault("no credit", KnownGood(LABELS), needs_answer=False, pause_s=2.0)
    assert await examiner.examine_refusal(LABELS, profile, 2_000.0, all_formats=True) == "endpoint"
    assert rules.texts == []


async def test_a_fault_of_answers_is_over_with_one_usable_answer() -> None:
    rules = Rules(known_good=GOOD)
    scripted = await confirmed(rules)
    examiner = examiner_of(scripted)
    examiner.fault = Fault("no JSON", KnownGood(LABELS), needs_answer=True, pause_s=2.0)
    await examiner.available()
    assert rules.texts == ["known-good"]


async def test_an_examination_without_an_answer_tells_nothing_to_any_that_waits_for_it() -> None:
    rules = Rules(known_good=UnavailableError("503"))
    scripted = await confirmed(rules)
    examiner, profile = examiner_of(scripted), scripted.llm.negotiation.profile
    examiner.record_good(10.0)
    examinations = [examiner.examine_refusal(LABELS, profile, 10.0, all_formats=False) for _ in range(3)]
    assert await asyncio.gather(*examinations) == ["unknown"] * 3
    assert rules.texts == ["known-good"]


async def test_the_known_good_message_has_as_much_time_as_another() -> None:
    for deadline_s, timeout_s in ((45.0, 15.0), (5.0, 5.0)):
        rules = Rules(a=[GOOD, refusal(status=402)], known_good=GOOD)
        scripted = ScriptedLlm(endpoint=rules.endpoint, deadline_s=deadline_s)
        assert [await scripted.ask(event("a")) for _ in range(2)] == [WISMO, "refused"]
        assert rules.endpoint.timeouts[-1] == timeout_s


async def test_nobody_waits_for_a_form_of_an_endpoint_that_is_at_fault() -> None:
    scripted = await confirmed(Rules(known_good=GOOD))
    examiner, negotiation = examiner_of(scripted), scripted.llm.negotiation
    negotiation.confirmed = False
    assert negotiation.begin()
    waiting = asyncio.create_task(examiner.wait_for_negotiation())
    await turns()
    assert not waiting.done()
    waiting.cancel()
    examiner.fault = Fault("no credit", KnownGood(LABELS), needs_answer=False, pause_s=2.0)
    await asyncio.wait_for(examiner.wait_for_negotiation(), 5)


async def test_a_row_of_unusable_answers_begins_at_none() -> None:
    rules = Rules(known_good=GOOD)
    scripted = await confirmed(rules)
    examiner, profile = examiner_of(scripted), scripted.llm.negotiation.profile
    assert await examiner.examine_answer(LABELS, profile, 10.0) == "message"
    assert rules.texts == []
    assert await examiner.examine_answer(LABELS, profile, 10.0) == "message"
    assert rules.texts == ["known-good"]


async def test_a_row_of_unusable_answers_begins_anew_with_another_form() -> None:
    rules = Rules(known_good=[PROSE, GOOD])
    scripted = ScriptedLlm(endpoint=rules.endpoint)
    examiner, profile = examiner_of(scripted), scripted.llm.negotiation.profile
    verdicts = [await examiner.examine_answer(LABELS, profile, 2_000.0) for _ in range(3)]
    assert verdicts == ["message", "adapted", "message"]
    assert [form for _, form in rules.endpoint.asked] == ["json_schema", OTHER_FORM]


async def test_a_message_with_an_unusable_answer_waits_if_the_endpoint_is_at_fault_by_then() -> None:
    rules = Rules(a=PROSE, b=refusal(status=402), known_good=refusal("no credit", status=402))
    scripted = await confirmed(rules)
    rules.gates = {"a": asyncio.Event()}
    first = asyncio.create_task(scripted.ask(event("a")))
    await turns()
    assert await scripted.ask(event("b")) is None
    rules.gates["a"].set()
    assert await first is None
    assert rules.texts == ["a", "b", "known-good"]


async def test_an_examination_that_has_no_time_for_a_call_finds_nothing() -> None:
    rules = Rules(known_good=GOOD)
    scripted = await confirmed(rules)
    for _ in range(8):
        scripted.llm._calls.breaker.record_failure(scripted.clock.now)
    profile = scripted.llm.negotiation.profile
    assert await examiner_of(scripted).examine_refusal(LABELS, profile, 2_000.0, all_formats=False) == "unknown"
    assert rules.texts == []
