"""Rows of unusable answers, trials, and waiting for an endpoint, call by call, with a fake clock."""

import asyncio

import pytest
from triage_worker.fallback import examiner
from triage_worker.fallback.errors import UnavailableError

from tests.worker.fallback.events import event
from tests.worker.fallback.rules import PROSE, WISMO, Rules, Step, confirmed, refusal, turns
from tests.worker.fallback.scripted_llm import GOOD, ScriptedLlm


async def test_the_state_is_half_open_during_a_trial_only() -> None:
    rules = Rules(a=refusal(), known_good=[refusal("no credit")])
    scripted = await confirmed(rules)

    def state() -> str:
        return scripted.llm.state

    states: list[str] = []
    rules.meanwhile = lambda text: states.append(state())
    assert await scripted.ask(event("a")) is None
    assert set(states) == {"closed"}, "an examination is no trial"
    assert state() == "open"
    states.clear()
    rules.steps["known_good"] = [refusal("no credit"), GOOD]
    await scripted.llm.available()
    assert set(states) == {"half_open"}
    assert state() == "closed"


async def test_trials_have_growing_pauses_up_to_a_minute() -> None:
    rules = Rules(a=refusal(status=402), known_good=[*[refusal("no credit", status=402)] * 8, GOOD])
    scripted = await confirmed(rules)
    assert await scripted.ask(event("a")) is None
    await scripted.llm.available()
    assert scripted.clock.slept == [2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]


async def test_a_trial_waits_for_what_the_endpoint_asks_for_up_to_five_minutes() -> None:
    refusals: list[Step] = [refusal("no credit", status=402, retry_after_s=wait) for wait in (1.0, 10_000.0, 30.0)]
    scripted = await confirmed(Rules(a=refusal(status=402), known_good=[*refusals, GOOD]))
    assert await scripted.ask(event("a")) is None
    await scripted.llm.available()
    assert scripted.clock.slept == [2.0, 300.0, 60.0]


@pytest.mark.parametrize(
    ("outcome", "examinations"), [(GOOD, 2), (UnavailableError("503"), 3)], ids=["usable", "no answer"]
)
async def test_unusable_answers_are_counted_anew_after_the_endpoint_gave_a_usable_one(
    outcome: Step, examinations: int
) -> None:
    rules = Rules(a=PROSE, known_good=outcome)
    scripted = await confirmed(rules, unusable_limit=2)
    for _ in range(4):
        assert await scripted.ask(event("a")) == "unparsable"
    assert rules.texts.count("known-good") == examinations


async def test_a_usable_answer_ends_a_row_of_unusable_ones() -> None:
    rules = Rules(a=[PROSE, GOOD, PROSE, GOOD], known_good=GOOD)
    scripted = await confirmed(rules, unusable_limit=2)
    assert [await scripted.ask(event("a")) for _ in range(4)] == ["unparsable", WISMO, "unparsable", WISMO]
    assert "known-good" not in rules.texts


async def test_a_row_of_unusable_answers_begins_anew_after_a_fault() -> None:
    rules = Rules(a=PROSE, known_good=[PROSE, PROSE, GOOD])
    scripted = await confirmed(rules, unusable_limit=2)
    assert await scripted.ask(event("a")) == "unparsable"
    assert await scripted.ask(event("a")) is None
    await scripted.llm.available()
    rules.endpoint.asked.clear()
    assert await scripted.ask(event("a")) == "unparsable"
    assert rules.texts == ["a"]


async def test_a_fault_of_refusals_is_tried_in_the_plainest_form_and_ends_with_the_strictest_that_is_taken() -> None:
    rules = Rules(a=refusal(status=402), known_good=[refusal(), GOOD, refusal(), GOOD])
    scripted = await confirmed(rules)
    assert await scripted.ask(event("a")) is None
    rules.endpoint.asked.clear()
    await scripted.llm.available()
    forms = ["text", "json_schema", "json_object_with_schema"]
    assert rules.endpoint.asked == [("known-good", form) for form in forms]
    assert scripted.llm.negotiation.profile.format == "json_object_with_schema"


async def test_a_changed_problem_is_logged_once_more(caplog: pytest.LogCaptureFixture) -> None:
    said = ["no credit", "no credit", "no model", "no model"]
    rules = Rules(a=refusal(status=402), known_good=[*[refusal(f'"{words}"', status=402) for words in said], GOOD])
    scripted = await confirmed(rules)
    assert await scripted.ask(event("a")) is None
    await scripted.llm.available()
    logged = [
        vars(entry)["error"] for entry in caplog.records if entry.name == examiner.__name__ and entry.levelno > 20
    ]
    assert [problem.partition("“")[2] for problem in logged] == ["no credit”", "no model”"]


async def test_messages_that_wait_for_an_examination_wait_for_the_endpoint_with_it() -> None:
    rules = Rules(a=refusal(status=402), b=refusal(status=402), known_good=refusal("no credit", status=402))
    scripted = await confirmed(rules)
    assert list(await asyncio.gather(scripted.ask(event("a")), scripted.ask(event("b")))) == [None, None]
    assert scripted.clock.slept == []
    assert rules.texts == ["a", "b", "known-good"]


async def test_of_all_that_wait_for_the_endpoint_one_makes_the_trials() -> None:
    rules = Rules(a=refusal(status=402), known_good=[*[refusal("no credit", status=402)] * 3, GOOD])
    scripted = await confirmed(rules)
    assert await scripted.ask(event("a")) is None
    waiting = [asyncio.create_task(scripted.llm.available()) for _ in range(5)]
    await turns(200)
    assert all(task.done() for task in waiting)
    assert scripted.clock.slept == [2.0, 4.0, 8.0], "not those of five tasks"


async def test_the_next_one_makes_the_trials_if_the_first_one_is_cancelled() -> None:
    rules = Rules(a=refusal(status=402), known_good=[refusal("no credit", status=402), GOOD])
    scripted = await confirmed(rules)
    assert await scripted.ask(event("a")) is None
    scripted.clock.held = asyncio.Event()
    first, second = (asyncio.create_task(scripted.llm.available()) for _ in range(2))
    await turns()
    first.cancel()
    scripted.clock.held.set()
    await second
    assert scripted.llm.fault is None


async def test_messages_wait_while_the_first_one_finds_out_how_to_ask() -> None:
    rules = Rules(a=GOOD, b=GOOD)
    rules.gates["a"] = asyncio.Event()
    scripted = ScriptedLlm(endpoint=rules.endpoint)
    first = asyncio.create_task(scripted.ask(event("a")))
    await turns()
    assert await scripted.ask(event("b")) is None
    waiting = asyncio.create_task(scripted.llm.wait_for_negotiation())
    available = asyncio.create_task(scripted.llm.available())
    await turns()
    assert not waiting.done()
    assert not available.done()
    rules.gates["a"].set()
    assert await first == WISMO
    await asyncio.gather(waiting, available)
    assert await scripted.ask(event("b")) == WISMO


async def test_those_that_wait_for_a_form_learn_of_a_fault() -> None:
    rules = Rules(a=refusal(status=402), known_good=refusal("no credit", status=402))
    scripted = ScriptedLlm(endpoint=rules.endpoint)
    rules.gates["a"] = asyncio.Event()
    first = asyncio.create_task(scripted.ask(event("a")))
    await turns()
    waiting = asyncio.create_task(scripted.llm.wait_for_negotiation())
    rules.gates["a"].set()
    assert await first is None
    await waiting
    assert scripted.llm.fault is not None


async def test_only_a_usable_answer_confirms_a_form() -> None:
    rules = Rules(a=refusal(status=402), known_good=[refusal("no credit", status=402), PROSE])
    scripted = ScriptedLlm(endpoint=rules.endpoint)
    assert await scripted.ask(event("a")) is None
    await scripted.llm.available()
    assert not scripted.llm.negotiation.confirmed
    rules = Rules(a=refusal(status=402), known_good=[refusal("no credit", status=402), GOOD])
    scripted = ScriptedLlm(endpoint=rules.endpoint)
    assert await scripted.ask(event("a")) is None
    await scripted.llm.available()
    assert scripted.llm.negotiation.confirmed


async def test_forms_that_have_given_no_answer_are_all_tried_before_the_endpoint_is_at_fault() -> None:
    rules = Rules(a=PROSE, known_good=[PROSE, PROSE, GOOD])
    scripted = ScriptedLlm(endpoint=rules.endpoint, unusable_limit=1)
    assert await scripted.ask(event("a")) == "unparsable"
    forms = ["json_schema", "json_object_with_schema"]
    assert rules.endpoint.asked[:2] == [("a", form) for form in forms], "one more, since no form is known to work"
    assert rules.endpoint.asked[2:] == [
        ("known-good", form) for form in ("json_object_with_schema", "json_schema", "json_object")
    ]
    negotiation = scripted.llm.negotiation
    assert (negotiation.profile.format, negotiation.confirmed) == ("json_object", True)


async def test_a_fault_of_answers_is_over_with_a_usable_one_only() -> None:
    rules = Rules(a=PROSE, known_good=[PROSE, PROSE, PROSE, GOOD])
    scripted = await confirmed(rules, unusable_limit=1)
    assert await scripted.ask(event("a")) is None
    await scripted.llm.available()
    assert scripted.clock.slept == [2.0, 4.0]
    assert {form for _, form in rules.endpoint.asked} == {"json_schema"}


async def test_the_end_of_a_fault_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", examiner.__name__)
    scripted = await confirmed(Rules(a=refusal(status=402), known_good=[refusal(status=402), GOOD]))
    assert await scripted.ask(event("a")) is None
    await scripted.llm.available()
    assert [entry.message for entry in caplog.records if entry.name == examiner.__name__] == [
        "The LLM cannot be asked: messages wait",
        "The LLM can be asked again",
    ]


async def test_a_message_whose_last_call_is_unusable_changes_no_form() -> None:
    rules = Rules(a=[*[UnavailableError("503")] * 3, PROSE])
    scripted = ScriptedLlm(endpoint=rules.endpoint)
    assert await scripted.ask(event("a")) == "unparsable"
    assert scripted.llm.negotiation.profile.format == "json_schema"


async def test_the_cause_of_unusable_answers_is_the_fault() -> None:
    scripted = await confirmed(Rules(a=PROSE, known_good=PROSE), unusable_limit=1)
    assert await scripted.ask(event("a")) is None
    assert scripted.llm.fault == "the LLM gives no answer that can be used: it has no JSON"
