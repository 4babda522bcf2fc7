"""Whose fault a refusal is, call by call, with a fake clock."""

import asyncio

import pytest
from triage_worker.fallback import attempt
from triage_worker.fallback.completion import Completion
from triage_worker.fallback.errors import NotACompletionError, RejectedError, UnavailableError
from triage_worker.resilience.backoff import RetryPolicy

from tests.worker.fallback.events import event
from tests.worker.fallback.rules import ABOUT_FORM, OTHER_FORM, PROSE, WISMO, Rules, Step, confirmed, refusal, turns
from tests.worker.fallback.scripted_llm import GOOD, ScriptedLlm


@pytest.mark.parametrize(
    ("last", "reason"), [(refusal(), "refused"), (PROSE, "unparsable"), (UnavailableError("503"), "unavailable")]
)
async def test_the_reason_is_that_of_the_last_call(last: Step, reason: str) -> None:
    scripted = await confirmed(Rules(a=[*[UnavailableError("503")] * 3, last], known_good=GOOD))
    assert await scripted.ask(event("a")) == reason


async def test_the_reason_is_kept_while_a_fault_lasts() -> None:
    rules = Rules(a=[*[UnavailableError("503")] * 3, PROSE, GOOD], known_good=[PROSE, PROSE, GOOD])
    scripted = await confirmed(rules, unusable_limit=1)
    assert await scripted.ask(event("a")) is None, "the endpoint is at fault"
    await scripted.llm.available()
    assert await scripted.ask(event("a")) == "unparsable"
    assert rules.texts.count("a") == 4


async def test_pauses_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempt, "RETRY_POLICY", RetryPolicy(first_s=0.5, longest_s=8.0, jitter=0.0))
    scripted = await confirmed(Rules(a=UnavailableError("503")))
    assert await scripted.ask(event("a")) == "unavailable"
    assert scripted.clock.slept == [0.5, 1.0, 2.0]


async def test_examinations_do_not_count_towards_the_deadline_of_a_message() -> None:
    rules = Rules(a=[refusal(), GOOD], known_good=[refusal(), GOOD])
    scripted = await confirmed(rules)

    def slow(text: str) -> None:
        scripted.clock.now += 20.0 if text == "known-good" else 0.0

    rules.meanwhile = slow
    assert await scripted.ask(event("a")) == WISMO
    assert rules.texts == ["a", "known-good", "known-good", "a"]
    assert rules.endpoint.timeouts[-1] == 15.0, "all of it, although 40 of 45 seconds have passed"


async def test_a_message_makes_no_further_call_once_a_fault_is_known() -> None:
    rules = Rules(a=UnavailableError("503"), b=refusal(), known_good=refusal("no credit"))
    scripted = await confirmed(rules)
    scripted.clock.held = asyncio.Event()
    first = asyncio.create_task(scripted.ask(event("a")))
    await turns()
    assert len(scripted.clock.slept) == 1, "it pauses before its second call"
    assert await scripted.ask(event("b")) is None
    scripted.clock.held.set()
    assert await first is None
    assert rules.texts.count("a") == 1


async def test_a_message_that_finds_another_form_known_uses_it_without_an_examination() -> None:
    old = refusal("response_format of type json_schema is not supported")
    rules = Rules(a=[old, GOOD], b=[old, GOOD])
    scripted = await confirmed(rules)
    rules.gates = {"a": asyncio.Event(), "b": asyncio.Event()}
    first, second = (asyncio.create_task(scripted.ask(event(text))) for text in "ab")
    await turns()
    rules.gates["a"].set()
    assert await first == WISMO
    rules.gates["b"].set()
    assert await second == WISMO
    other = "json_object_with_schema"
    assert rules.endpoint.asked == [("a", "json_schema"), ("b", "json_schema"), ("a", other), ("b", other)]
    assert scripted.llm.negotiation.profile.format == "json_object_with_schema"


async def test_messages_that_are_refused_together_look_for_a_form_one_at_a_time() -> None:
    old = refusal("response_format of type json_schema is not supported")
    rules = Rules(a=[old, GOOD], b=[old, GOOD], c=[old, GOOD])
    scripted = await confirmed(rules)
    gate = asyncio.Event()
    rules.gates = dict.fromkeys("abc", gate)

    made: list[int] = []

    def slow(text: str) -> None:
        if text == "a" and rules.texts.count("a") == 2:
            scripted.clock.now += 40.0
            made.append(len(rules.texts))

    rules.meanwhile = slow
    tasks = [asyncio.create_task(scripted.ask(event(text))) for text in "abc"]
    await turns()
    gate.set()
    assert await asyncio.gather(*tasks) == [WISMO] * 3
    assert rules.endpoint.asked[3:] == [(text, "json_object_with_schema") for text in "abc"]
    assert made == [4], "the others wait for the second call of the first message"
    assert set(rules.endpoint.timeouts) == {15.0}, "waiting for the call of another message does not count"


async def test_a_later_good_answer_shows_that_the_message_is_at_fault_if_the_examination_finds_nothing() -> None:
    rules = Rules(a=refusal(), b=refusal(), c=[UnavailableError("503"), GOOD], known_good=UnavailableError("503"))
    scripted = await confirmed(rules)
    rules.gates = {"known-good": asyncio.Event(), "c": asyncio.Event()}
    third = asyncio.create_task(scripted.ask(event("c")))
    await turns()
    first, second = (asyncio.create_task(scripted.ask(event(text))) for text in "ab")
    await turns()
    scripted.clock.now += 1.0
    rules.gates["c"].set()
    assert await third == WISMO, "its second call began after the refusals"
    rules.gates["known-good"].set()
    assert await second == "refused"
    assert rules.texts.count("b") == 1
    first.cancel()


async def test_an_older_good_answer_shows_nothing() -> None:
    rules = Rules(a=refusal(), b=GOOD, known_good=refusal("no credit"))
    scripted = await confirmed(rules)
    rules.gates = {"b": asyncio.Event()}
    slow = asyncio.create_task(scripted.ask(event("b")))
    await turns()
    scripted.clock.now += 1.0
    rules.gates["a"] = asyncio.Event()
    refused = asyncio.create_task(scripted.ask(event("a")))
    await turns()
    scripted.clock.now += 1.0
    rules.gates["b"].set()
    assert await slow == WISMO
    rules.gates["a"].set()
    assert await refused is None, "the endpoint is at fault"
    assert "known-good" in rules.texts


async def test_a_second_page_of_a_proxy_is_examined() -> None:
    page = NotACompletionError("text/html")
    rules = Rules(a=page, known_good=page)
    scripted = await confirmed(rules)
    assert await scripted.ask(event("a")) is None
    assert rules.texts == ["a", "a", "known-good"]
    assert len(scripted.clock.slept) == 1, "before the second call"
    assert scripted.llm.fault == "the LLM endpoint answers with no completion: text/html"


async def test_a_page_now_and_then_is_a_passing_failure() -> None:
    page = NotACompletionError("text/html")
    rules = Rules(a=[page, page, GOOD], known_good=GOOD)
    scripted = await confirmed(rules)
    assert await scripted.ask(event("a")) == WISMO
    assert rules.texts == ["a", "a", "known-good", "a"]


async def test_an_answer_that_may_not_be_given_is_not_asked_for_in_another_form() -> None:
    rules = Rules(a=Completion("", 100, 10, refusal=True), known_good=GOOD)
    scripted = ScriptedLlm(endpoint=rules.endpoint)
    assert await scripted.ask(event("a")) == "unparsable"
    assert rules.texts == ["a"]


@pytest.mark.parametrize(
    ("refused", "calls"),
    [
        (refusal("You have no credit"), 1),
        (refusal("nope", status=403), 1),
        (refusal("nope"), 4),
        (refusal("nope", status=500), 4),
    ],
)
async def test_other_forms_are_tried_only_if_the_form_may_be_the_cause(refused: RejectedError, calls: int) -> None:
    rules = Rules(a=refused, known_good=refused)
    scripted = await confirmed(rules)
    assert await scripted.ask(event("a")) is None
    assert rules.texts.count("known-good") == calls


async def test_a_message_is_asked_in_the_form_that_the_examination_found() -> None:
    rules = Rules(a=[refusal(), GOOD], known_good=[refusal(), PROSE])
    scripted = await confirmed(rules)
    assert await scripted.ask(event("a")) == WISMO
    assert rules.endpoint.asked[-1] == ("a", OTHER_FORM)
    assert scripted.clock.slept == []


async def test_messages_that_are_refused_together_are_all_asked_in_the_form_that_was_found() -> None:
    rules = Rules(a=[refusal(), GOOD], b=[refusal(), GOOD], known_good=[refusal(), GOOD])
    scripted = await confirmed(rules)
    assert list(await asyncio.gather(scripted.ask(event("a")), scripted.ask(event("b")))) == [WISMO, WISMO]
    assert rules.endpoint.asked[-2:] == [("a", OTHER_FORM), ("b", OTHER_FORM)]
    assert scripted.clock.slept == []


async def test_a_message_is_asked_about_again_after_a_pause_if_nothing_was_found_out() -> None:
    rules = Rules(a=[refusal(), GOOD], known_good=UnavailableError("503"))
    scripted = await confirmed(rules)
    assert await scripted.ask(event("a")) == WISMO
    assert rules.texts == ["a", "known-good", "a"]
    assert len(scripted.clock.slept) == 1


async def test_only_a_message_that_is_at_fault_is_logged_as_refused(caplog: pytest.LogCaptureFixture) -> None:
    for known_good, count in ((refusal(status=402), 0), (UnavailableError("503"), 0), (GOOD, 1)):
        caplog.clear()
        scripted = await confirmed(Rules(a=refusal(status=402), known_good=known_good))
        await scripted.ask(event("a"))
        assert [entry.message for entry in caplog.records].count("The LLM refuses a message") == count


async def test_a_form_that_was_refused_is_not_tried_again() -> None:
    refusals: list[Step] = [refusal("max_tokens?"), refusal("max_completion_tokens?")]
    rules = Rules(a=refusals, known_good=GOOD)
    scripted = await confirmed(rules)
    assert await scripted.ask(event("a")) == "refused"
    assert rules.texts == ["a", "a", "known-good"]


async def test_the_endpoint_is_examined_once_a_message_has_no_calls_left_to_find_a_form() -> None:
    refusals: list[Step] = [
        refusal(f"{name}?") for name in ("temperature", "system role", "max_tokens", "max_completion_tokens")
    ]
    rules = Rules(a=refusals, known_good=refusal("no"))
    scripted = await confirmed(rules)
    assert await scripted.ask(event("a")) is None
    assert rules.endpoint.asked[3] == ("a", "text"), "the last one asks for no format"
    assert rules.texts == [*"aaaa", "known-good"]


async def test_the_first_message_finds_the_form() -> None:
    rules = Rules(a=[ABOUT_FORM, GOOD])
    scripted = ScriptedLlm(endpoint=rules.endpoint)
    assert await scripted.ask(event("a")) == WISMO
    assert scripted.llm.negotiation.profile.format == OTHER_FORM
    assert scripted.llm.negotiation.confirmed


@pytest.mark.parametrize(("known", "form"), [(True, "json_schema"), (False, OTHER_FORM)])
async def test_the_form_that_is_known_to_work_is_examined_first(known: bool, form: str) -> None:
    rules = Rules(a=[ABOUT_FORM, refusal()], known_good=GOOD)
    scripted = await confirmed(rules) if known else ScriptedLlm(endpoint=rules.endpoint)
    assert await scripted.ask(event("a")) == "refused"
    assert rules.endpoint.asked[2] == ("known-good", form)
    assert scripted.llm.negotiation.profile.format == form


async def test_the_next_message_goes_on_with_the_form_that_was_tried_last() -> None:
    rules = Rules(a=PROSE, b=GOOD)
    scripted = ScriptedLlm(endpoint=rules.endpoint)
    assert await scripted.ask(event("a")) == "unparsable"
    assert await scripted.ask(event("b")) == WISMO
    assert rules.endpoint.asked == [("a", "json_schema"), ("a", OTHER_FORM), ("b", OTHER_FORM)]
