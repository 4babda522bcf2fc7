"""One question to the LLM, with a scripted endpoint and a fake clock: retries, breaker, budget and deadline."""

import asyncio
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from triage_worker.fallback import prompt
from triage_worker.fallback.answer import Answer
from triage_worker.fallback.budget import BudgetWindow, LocalBudget, Reservation
from triage_worker.fallback.completion import Completion
from triage_worker.fallback.cost import Prices
from triage_worker.fallback.errors import UnavailableError
from triage_worker.fallback.llm import Llm
from triage_worker.fallback.llm_calls import Limits
from triage_worker.fallback.metrics import LlmMetrics

from tests.worker.fallback.events import event
from tests.worker.fallback.scripted_llm import GOOD, UNLIMITED, FakeClock, ScriptedLlm


async def test_failures_are_retried_with_growing_pauses() -> None:
    scripted = ScriptedLlm(UnavailableError("status 500"), UnavailableError("ConnectionError"), GOOD)
    assert await scripted.ask() == Answer("WISMO", 0.9)
    first, second = scripted.clock.slept
    assert 0 <= first <= 0.5
    assert 0 <= second <= 1.0
    assert scripted.metric("triage_llm_calls_total", result="unavailable") == 2
    assert scripted.metric("triage_llm_calls_total", result="answered") == 1


async def test_four_failures_end_a_question() -> None:
    scripted = ScriptedLlm(*[UnavailableError("status 503")] * 4)
    assert await scripted.ask() == "unavailable"
    assert scripted.endpoint.script == []


async def test_retry_after_is_respected() -> None:
    scripted = ScriptedLlm(UnavailableError("status 429", retry_after_s=12.0), GOOD)
    assert await scripted.ask() == Answer("WISMO", 0.9)
    assert scripted.clock.now >= 1_012.0


async def test_a_message_does_not_wait_past_its_deadline() -> None:
    scripted = ScriptedLlm(UnavailableError("status 429", retry_after_s=3_600.0))
    assert await scripted.ask() == "deadline"
    assert scripted.clock.now == 1_045.0


async def test_calls_that_hang_end_by_their_timeout_and_the_last_by_the_deadline() -> None:
    scripted = ScriptedLlm(99.0, 99.0, 99.0, deadline_s=40.0)
    assert await scripted.ask() == "deadline"
    assert scripted.endpoint.timeouts[:2] == [15.0, 15.0]
    assert scripted.endpoint.timeouts[2] <= 10.0
    assert scripted.clock.now == 1_040.0


async def test_an_outage_opens_the_breaker_and_one_call_closes_it() -> None:
    scripted = ScriptedLlm(*[UnavailableError("status 500")] * 8, GOOD)
    assert await scripted.ask() == "unavailable"
    assert await scripted.ask() == "unavailable"
    assert await scripted.ask() == Answer("WISMO", 0.9), "waits for the breaker, within its deadline"
    assert scripted.clock.slept[-1] == 5.0, "the breaker's pause"
    assert scripted.metric("triage_llm_breaker", state="closed") == 1
    assert scripted.metric("triage_llm_breaker", state="open") == 0


class Outage:
    """An endpoint that answers once, fails eight times, then answers slowly; it counts its concurrent calls."""

    def __init__(self) -> None:
        self.calls = 0
        self.concurrent = 0
        self.concurrency: list[int] = []

    async def complete(self, _body: dict[str, Any], _timeout_s: float) -> Completion:
        self.calls += 1
        if self.calls == 1:
            return GOOD
        if self.calls <= 9:
            raise UnavailableError("status 500")
        self.concurrent += 1
        self.concurrency.append(self.concurrent)
        for _ in range(50):  # all others look at the breaker in the meantime
            await asyncio.sleep(0)
        self.concurrent -= 1
        return GOOD


async def test_of_many_questions_that_wait_for_the_breaker_one_makes_the_trial_call() -> None:
    clock, endpoint = FakeClock(), Outage()

    async def sleep(seconds: float) -> None:
        await clock.sleep(seconds)
        await asyncio.sleep(0)

    metrics, limits = LlmMetrics(CollectorRegistry()), Limits(5.0, 10_000.0, 50)
    llm = Llm(endpoint, "m", limits, Prices(0, 0), UNLIMITED, metrics, clock=clock, sleep=sleep)
    assert await llm.answer(event(), prompt.messages(event())) == Answer("WISMO", 0.9)
    questions = [event(str(number)) for number in range(6)]
    answers = await asyncio.gather(*(llm.answer(question, prompt.messages(question)) for question in questions))
    assert answers == [Answer("WISMO", 0.9)] * 6
    assert endpoint.concurrency == [1, 1, 2, 3, 4, 5], "one trial call, then the others"


async def test_over_budget_makes_no_call() -> None:
    scripted = ScriptedLlm(GOOD, budget=LocalBudget(BudgetWindow(calls=1)))
    assert await scripted.ask() == Answer("WISMO", 0.9)
    assert await scripted.ask() == "over_budget"
    assert len(scripted.endpoint.timeouts) == 1


class StuckBudget:
    """A budget that cannot decide."""

    problem = "the cost of a call cannot be reserved"

    async def reserve(self, cost: float) -> Reservation | None:
        await asyncio.Event().wait()
        return None

    def record_actual_cost(self, spending: Reservation, cost: float) -> None:
        pytest.fail("no call was made")

    def cancel(self, reservation: Reservation) -> None:
        pytest.fail("no call was made")


async def test_no_call_is_made_while_the_budget_cannot_decide() -> None:
    scripted = ScriptedLlm(GOOD, budget=StuckBudget(), deadline_s=0.05)
    assert await scripted.ask() == "deadline"
    assert scripted.endpoint.script == [GOOD]
    assert scripted.llm.problem == StuckBudget.problem


async def test_money_counts_what_the_endpoint_bills_and_nothing_for_failed_calls() -> None:
    scripted = ScriptedLlm(UnavailableError("status 500"), GOOD)
    await scripted.ask()
    assert scripted.metric("triage_llm_money_total") == pytest.approx((100 * 1.0 + 10 * 2.0) / 1e6)
    assert scripted.metric("triage_llm_tokens_total", direction="in") == 100


async def test_an_answer_that_cannot_be_used_is_not_paid_for_twice() -> None:
    scripted = ScriptedLlm(GOOD, Completion("{", 100, 10), Completion('{"intent": "X", "confidence": 1}', 100, 10))
    assert await scripted.ask() == Answer("WISMO", 0.9)
    assert await scripted.ask() == "unparsable"
    assert await scripted.ask() == "not_a_label"


async def test_a_cancelled_trial_call_lets_the_next_one_try() -> None:
    scripted = ScriptedLlm(*[UnavailableError("status 500")] * 8, asyncio.CancelledError(), GOOD)
    assert [await scripted.ask(), await scripted.ask()] == ["unavailable"] * 2
    with pytest.raises(asyncio.CancelledError):
        await scripted.ask()
    assert await scripted.ask() == Answer("WISMO", 0.9)
