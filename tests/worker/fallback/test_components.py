"""The fallback's components without I/O: decisions, prompt, circuit breaker, budget, retries, costs."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from triage_worker.fallback import prompt
from triage_worker.fallback.answer import Answer
from triage_worker.fallback.attempt import RETRY_POLICY
from triage_worker.fallback.budget import BudgetWindow
from triage_worker.fallback.circuit_breaker import CircuitBreaker
from triage_worker.fallback.completion import Completion
from triage_worker.fallback.cost import Prices, Tokens, billed, highest
from triage_worker.fallback.llm_decider import Decided, Undecided, decision

from tests.worker.fallback.events import LABELS, event

SCHEMA = prompt.schema(list(LABELS))
MESSAGES = prompt.messages(event())


def test_an_answer_needs_the_least_confidence() -> None:
    assert decision(Answer("WISMO", 0.6), 0.6) == Decided("WISMO", 0.6)
    assert decision(Answer("WISMO", 0.59), 0.6) == Undecided("unsure")
    assert decision(Answer(None, 1.0), 0.6) == Undecided("none_of_these")


@given(st.text(max_size=200))
def test_no_text_can_end_its_quotation(text: str) -> None:
    system, user = prompt.messages(event(text))
    assert system == prompt.messages(event("something else"))[0]
    assert orjson.loads(user["content"]) == {"message": text, "candidates": ["OTHER", "WISMO", "CANCEL_ORDER"]}


def test_the_question_names_every_label_with_its_description_and_none_of_these() -> None:
    instruction = MESSAGES[0]["content"]
    assert all(f"- {label}: {meaning}\n" in instruction for label, meaning in LABELS.items())
    assert SCHEMA["properties"]["intent"]["enum"] == [*LABELS, prompt.NONE]


def test_a_long_text_is_cut() -> None:
    _, user = prompt.messages(event("a" * 50_000))
    assert len(user["content"]) < prompt.MAX_CHARACTERS + 200


def test_the_breaker_opens_after_failures_in_a_row_only() -> None:
    breaker = CircuitBreaker(failures=3, first_s=5)
    for _ in range(2):
        breaker.record_failure(0)
    breaker.record_success()
    for _ in range(2):
        breaker.record_failure(0)
    assert breaker.wait_s(0) == 0
    breaker.record_failure(1)
    assert breaker.state == "open"
    assert breaker.wait_s(2) == 4


def test_an_open_breaker_tries_with_one_call_and_pauses_longer_each_time() -> None:
    breaker = CircuitBreaker(failures=1, first_s=5, longest_s=15)
    breaker.record_failure(0)
    for opened, pause in ((0, 5), (5, 10), (15, 15), (30, 15)):
        now = opened + pause
        assert breaker.wait_s(opened) == pause
        assert breaker.wait_s(now) == 0
        assert breaker.wait_s(now) > 0, "only one call at a time is a trial"
        breaker.record_failure(now)
    assert breaker.wait_s(60) == 0
    breaker.record_success()
    assert breaker.wait_s(60) == breaker.wait_s(60) == 0
    breaker.record_failure(70)
    assert breaker.wait_s(70) == 5, "a success makes the pauses short again"


def test_a_cancelled_trial_call_lets_the_next_one_try() -> None:
    breaker = CircuitBreaker(failures=1, first_s=5)
    breaker.record_failure(0)
    assert breaker.wait_s(5) == 0
    breaker.record_cancellation()
    assert breaker.wait_s(6) == 0
    assert breaker.wait_s(6) > 0, "only one call at a time is a trial"


def test_calls_that_fail_late_do_not_prolong_the_pause() -> None:
    breaker = CircuitBreaker(failures=2, first_s=5)
    breaker.record_failure(0)
    assert (breaker.state, breaker.wait_s(0)) == ("closed", 0)
    breaker.record_failure(1)
    breaker.record_failure(4)  # it began before the breaker opened
    assert (breaker.state, breaker.wait_s(4)) == ("open", 2)


def test_a_call_that_is_cancelled_while_the_endpoint_answers_holds_nothing_back() -> None:
    breaker = CircuitBreaker()
    assert breaker.wait_s(0) == 0
    breaker.record_cancellation()
    assert breaker.state == "closed"
    assert [breaker.wait_s(0), breaker.wait_s(0)] == [0, 0]


def test_retry_after_holds_back_every_call_up_to_a_limit() -> None:
    breaker = CircuitBreaker()
    breaker.record_failure(0, retry_after_s=20)
    assert (breaker.state, breaker.wait_s(5), breaker.wait_s(20)) == ("closed", 15, 0)
    breaker.record_failure(30, retry_after_s=86_400)
    assert breaker.wait_s(30) == 300
    breaker.record_failure(40, retry_after_s=1)
    assert breaker.wait_s(40) == 290, "an earlier Retry-After still holds"


class Spender:
    """Makes every call that the window allows, and records it."""

    def __init__(self, window: BudgetWindow) -> None:
        self.window = window
        self.spent: list[tuple[float, float]] = []

    def spend(self, estimated: float, actual: float, now: float) -> None:
        reservation = self.window.reserve(estimated, now)
        if reservation is not None:
            reservation.cost = actual
            self.spent.append((now, actual))


@given(
    st.lists(st.tuples(st.floats(0, 900), st.floats(0, 0.5), st.floats(0, 1)), max_size=60),
    st.integers(1, 10),
    st.floats(0.5, 3),
)
def test_no_hour_has_more_calls_or_money_than_allowed(
    calls: list[tuple[float, float, float]], most_calls: int, most_money: float
) -> None:
    spender = Spender(BudgetWindow(most_calls, most_money))
    now = 0.0
    for later, estimated, share in calls:
        now += later
        spender.spend(estimated, estimated * share, now)
        hour = [cost for at, cost in spender.spent if at > now - 3_600]
        assert len(hour) <= most_calls
        assert sum(hour) <= most_money + 1e-9


def test_reserved_money_that_was_not_spent_is_available_again() -> None:
    window = BudgetWindow(money=1.0)
    first = window.reserve(0.8, 0)
    assert first is not None
    assert window.reserve(0.8, 1) is None
    first.cost = 0.1
    assert window.reserve(0.8, 2) is not None


def test_the_whole_budget_of_a_window_may_be_spent() -> None:
    window = BudgetWindow(calls=2, money=1.0, window_s=10)
    assert window.reserve(0.25, 0) is not None
    assert window.reserve(0.76, 1) is None
    assert window.reserve(0.75, 1) is not None
    assert window.reserve(0.0, 2) is None
    assert window.reserve(0.25, 10) is not None, "the window has moved past it"


def test_a_cancelled_call_leaves_the_window_as_if_it_had_not_been() -> None:
    window = BudgetWindow(calls=1, money=1.0, window_s=10)
    refused = window.reserve(1.0, 0)
    assert refused is not None
    window.cancel(refused)
    assert window.reserve(1.0, 1) is not None
    assert window.reserve(0.0, 2) is None
    assert window.reserve(0.0, 11) is not None
    window.cancel(refused)  # again, and after it has left the window


def test_retry_delays_grow_and_are_jittered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.random", lambda: 0.0)
    assert [RETRY_POLICY.delay_s(failures) for failures in (1, 2, 3, 9)] == [0.5, 1.0, 2.0, 8.0]
    monkeypatch.setattr("random.random", lambda: 0.75)
    assert RETRY_POLICY.delay_s(3) == 0.5


def test_money_is_tokens_times_prices_and_an_upper_bound_without_usage() -> None:
    most = highest(MESSAGES, 50)
    assert Prices(0.15, 0.6).cost(Tokens(1_000_000, 500_000)) == pytest.approx(0.45)
    assert billed(Completion("", 87, 4), most) == Tokens(87, 4)
    assert billed(Completion("", None, None), most) == most
    assert (most.input, most.output) > (300, 49)
