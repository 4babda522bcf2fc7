"""Whose fault it is, call by call: an endpoint with a rule for each text, and a fake clock."""

import asyncio
from collections.abc import Callable

import pytest
from triage_worker.fallback import attempt, examiner
from triage_worker.fallback.answer import Answer
from triage_worker.fallback.completion import Completion
from triage_worker.fallback.errors import NotACompletionError, RejectedError, UnavailableError
from triage_worker.resilience.backoff import RetryPolicy

from tests.worker.fallback.events import event
from tests.worker.fallback.scripted_llm import GOOD, RuledEndpoint, ScriptedLlm

WISMO = Answer("WISMO", 0.9)
PROSE = Completion("I cannot say.", 100, 10)
Step = Completion | Exception


def refusal(words: str = "", **more: object) -> RejectedError:
    return RejectedError("status 400", words, **more)  # type: ignore[arg-type]


class Rules:
    """What an endpoint does: the steps for each text, of which the last one is repeated, and gates to hold calls at."""

    def __init__(self, **steps: "Step | list[Step]") -> None:
        self.steps = {text: step if isinstance(step, list) else [step] for text, step in steps.items()}
        self.gates: dict[str, asyncio.Event] = {}
        self.meanwhile: Callable[[str], None] = lambda text: None
        self.endpoint = RuledEndpoint(self.rule)

    async def rule(self, text: str, _form: str) -> Completion:
        steps = self.steps[text.replace("-", "_")]
        step = steps.pop(0) if len(steps) > 1 else steps[0]
        if text in self.gates:
            await self.gates[text].wait()
        await turns(5)
        self.meanwhile(text)
        if isinstance(step, Exception):
            raise step
        return step

    @property
    def texts(self) -> list[str]:
        return [text for text, _ in self.endpoint.asked]


async def turns(count: int = 20) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def confirmed(rules: Rules, unusable_limit: int = 4) -> ScriptedLlm:
    """An LLM that has answered once."""
    rules.steps["first"] = [GOOD]
    scripted = ScriptedLlm(endpoint=rules.endpoint, unusable_limit=unusable_limit)
    assert await scripted.ask(event("first")) == WISMO
    rules.endpoint.asked.clear()
    return scripted


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

    def slow(text: str) -> None:
        scripted.clock.now += 40.0 if text == "a" and rules.texts.count("a") == 2 else 0.0

    rules.meanwhile = slow
    tasks = [asyncio.create_task(scripted.ask(event(text))) for text in "abc"]
    await turns()
    gate.set()
    assert await asyncio.gather(*tasks) == [WISMO] * 3
    assert rules.endpoint.asked[3:] == [(text, "json_object_with_schema") for text in "abc"]
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


async def test_a_second_page_of_a_proxy_is_examined() -> None:
    page = NotACompletionError("text/html")
    rules = Rules(a=page, known_good=page)
    scripted = await confirmed(rules)
    assert await scripted.ask(event("a")) is None
    assert rules.texts == ["a", "a", "known-good"]
    assert scripted.llm.fault == "the LLM endpoint answers with no completion: text/html"


async def test_a_page_now_and_then_is_a_passing_failure() -> None:
    page = NotACompletionError("text/html")
    rules = Rules(a=[page, page, GOOD], known_good=GOOD)
    scripted = await confirmed(rules)
    assert await scripted.ask(event("a")) == WISMO
    assert rules.texts == ["a", "a", "known-good", "a"]


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
