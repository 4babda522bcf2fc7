"""The fallback's components without I/O: parsing answers, circuit breaker, budget, retries, response formats."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from triage_worker.fallback import prompt
from triage_worker.fallback.answer import Answer, parse_answer
from triage_worker.fallback.budget import BudgetWindow
from triage_worker.fallback.circuit_breaker import CircuitBreaker
from triage_worker.fallback.client import Completion
from triage_worker.fallback.cost import Prices, Tokens, billed, highest
from triage_worker.fallback.llm import RETRY_POLICY
from triage_worker.fallback.llm_decider import Decided, Undecided, decision
from triage_worker.fallback.response_format import FORMATS, FormatNegotiator, FormattedRequest

from tests.worker.fallback.events import LABELS, event

SCHEMA = prompt.schema(list(LABELS))
MESSAGES = prompt.messages(event())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"intent": "WISMO", "confidence": 0.9}', Answer("WISMO", 0.9)),
        ('```json\n{"intent": "wismo ", "confidence": 1}\n```', Answer("WISMO", 1.0)),
        ('Sure!\n\n```json\n{"intent": "WISMO", "confidence": 1}\n```\nAnything else?', Answer("WISMO", 1.0)),
        ('It is: {"intent": "WISMO", "confidence": "0.9"}', Answer("WISMO", 0.9)),
        ('<think>A {parcel}?</think>{"intent": "WISMO", "confidence": 1}', Answer("WISMO", 1.0)),
        ('no opening</think>\n{"intent": "WISMO", "confidence": 1}', Answer("WISMO", 1.0)),
        ('<think>perhaps {"intent": "WISMO", "confidence": 1}', "unparsable"),
        ('{"intent": "WISMO", "confidence": 1} or {"intent": "OTHER", "confidence": 1}', "unparsable"),
        ('{"intent": "WISMO", "confidence": "high"}', "unparsable"),
        ('{"intent": "WISMO", "confidence": "nan"}', "unparsable"),
        ('{"intent": "None of these", "confidence": 0.5, "why": "x"}', Answer(None, 0.5)),
        ('{"intent": "REFUND", "confidence": 0.9}', "not_a_label"),
        ('{"intent": "", "confidence": 0.9}', "not_a_label"),
        ('{"intent": "WISMO"}', "unparsable"),
        ('{"intent": ["WISMO"], "confidence": 1}', "unparsable"),
        ('{"intent": "WISMO", "confidence": 90}', "unparsable"),
        ('{"intent": "WISMO", "confidence": true}', "unparsable"),
        ('{"intent": "WISMO", "confidence": NaN}', "unparsable"),
        ('[{"intent": "WISMO"}]', "unparsable"),
        ("It is WISMO.", "unparsable"),
        ("", "unparsable"),
        ('{"intent": "WIS', "unparsable"),
    ],
)
def test_an_answer_is_a_known_label_and_a_number_or_unusable(content: str, said: object) -> None:
    assert parse_answer(content, LABELS) == said


def test_an_answer_stands_from_the_least_confidence_on() -> None:
    assert decision(Answer("WISMO", 0.6), 0.6) == Decided("WISMO", 0.6)
    assert decision(Answer("WISMO", 0.59), 0.6) == Undecided("unsure")
    assert decision(Answer(None, 1.0), 0.6) == Undecided("none_of_these")


@given(st.one_of(st.text(), st.recursive(st.none() | st.floats() | st.text(), st.lists).map(str)))
def test_no_content_makes_reading_fail(content: str) -> None:
    said = parse_answer(content, LABELS)
    assert said in ("unparsable", "not_a_label") or isinstance(said, Answer)


@given(st.text(max_size=200))
def test_no_text_can_end_the_place_that_it_is_quoted_in(text: str) -> None:
    system, user = prompt.messages(event(text))
    assert system == prompt.messages(event("something else"))[0]
    assert orjson.loads(user["content"]) == {"message": text, "candidates": ["OTHER", "WISMO", "CANCEL_ORDER"]}


def test_the_question_names_every_label_with_its_meaning_and_none_of_them() -> None:
    instruction = MESSAGES[0]["content"]
    assert all(f"- {label}: {meaning}\n" in instruction for label, meaning in LABELS.items())
    assert SCHEMA["properties"]["intent"]["enum"] == [*LABELS, prompt.NONE]


def test_a_long_text_is_cut_since_tokens_are_money() -> None:
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


def test_a_trial_that_was_not_made_lets_the_next_one_try() -> None:
    breaker = CircuitBreaker(failures=1, first_s=5)
    breaker.record_failure(0)
    assert breaker.wait_s(5) == 0
    breaker.record_cancellation(6)
    assert breaker.wait_s(6) == 0


def test_a_server_that_asks_for_rest_gets_it_from_every_call_but_not_forever() -> None:
    breaker = CircuitBreaker()
    breaker.record_failure(0, retry_after_s=20)
    assert (breaker.state, breaker.wait_s(5), breaker.wait_s(20)) == ("closed", 15, 0)
    breaker.record_failure(30, retry_after_s=86_400)
    assert breaker.wait_s(30) == 300
    breaker.record_failure(40, retry_after_s=1)
    assert breaker.wait_s(40) == 290, "what another call was told still holds"


class Spender:
    """Spends what it may, and remembers."""

    def __init__(self, window: BudgetWindow) -> None:
        self.window = window
        self.spent: list[tuple[float, float]] = []

    def spend(self, estimated: float, actual: float, now: float) -> None:
        spending = self.window.reserve(estimated, now)
        if spending is not None:
            spending.cost = actual
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


def test_what_was_set_aside_and_not_spent_can_be_spent() -> None:
    window = BudgetWindow(money=1.0)
    first = window.reserve(0.8, 0)
    assert first is not None
    assert window.reserve(0.8, 1) is None
    first.cost = 0.1
    assert window.reserve(0.8, 2) is not None


def test_all_of_the_money_and_all_of_the_calls_of_an_hour_may_be_spent() -> None:
    window = BudgetWindow(calls=2, money=1.0, window_s=10)
    assert window.reserve(0.25, 0) is not None
    assert window.reserve(0.76, 1) is None
    assert window.reserve(0.75, 1) is not None
    assert window.reserve(0.0, 2) is None
    assert window.reserve(0.25, 10) is not None, "what was spent ten seconds ago is over"


def test_pauses_grow_and_are_jittered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.random", lambda: 0.0)
    assert [RETRY_POLICY.delay_s(failures) for failures in (1, 2, 3, 9)] == [0.5, 1.0, 2.0, 8.0]
    monkeypatch.setattr("random.random", lambda: 0.75)
    assert RETRY_POLICY.delay_s(3) == 0.5


def test_money_is_tokens_times_prices_and_an_estimate_where_tokens_are_not_told() -> None:
    most = highest(MESSAGES, 50)
    assert Prices(0.15, 0.6).cost(Tokens(1_000_000, 500_000)) == pytest.approx(0.45)
    assert billed(Completion("", 87, 4), most) == Tokens(87, 4)
    assert billed(Completion("", None, None), most) == most
    assert (most.input, most.output) > (300, 49)


def ask(formats: FormatNegotiator) -> FormattedRequest:
    return formats.request(MESSAGES, SCHEMA)


def kinds(body: dict[str, Any]) -> tuple[str | None, bool]:
    form = body.get("response_format", {})
    return form.get("type"), "schema" in form or "json_schema" in form


def test_the_strictest_way_is_tried_first_and_refusals_lead_to_the_next() -> None:
    formats = FormatNegotiator("m", 50)
    tried = []
    for _ in FORMATS:
        asked = ask(formats)
        tried.append(kinds(asked.body))
        formats.record_rejection(asked, "unknown response_format")
    assert tried == [("json_schema", True), ("json_object", True), ("json_object", False), (None, False)]
    assert formats.format == "json_schema", "all refused: it was the message, not the way"


def test_a_way_that_worked_is_kept_until_it_is_refused_over_and_over() -> None:
    formats = FormatNegotiator("m", 50)
    assert formats.record_rejection(ask(formats), "")
    formats.record_usable(ask(formats))
    assert not formats.record_rejection(ask(formats), "too long")
    assert not formats.record_unusable(ask(formats))
    formats.record_usable(ask(formats))
    assert [formats.record_rejection(ask(formats), "") for _ in range(3)] == [False] * 3
    assert (formats.format, formats.confirmed) == ("json_schema", False)


def test_a_way_that_is_quietly_ignored_is_left_after_two_answers() -> None:
    formats = FormatNegotiator("m", 50)
    assert formats.record_unusable(ask(formats))
    assert ask(formats).format == "json_schema"
    assert formats.record_unusable(ask(formats))
    assert ask(formats).format == "json_object_with_schema"


def test_two_messages_that_find_out_at_once_move_on_once() -> None:
    formats = FormatNegotiator("m", 50)
    first, second = ask(formats), ask(formats)
    assert formats.record_rejection(first, "")
    assert formats.record_rejection(second, "")
    assert formats.format == "json_object_with_schema"


def test_parameters_that_newer_models_refuse_are_left_out() -> None:
    formats = FormatNegotiator("m", 50)
    assert formats.record_rejection(ask(formats), "'max_tokens' is not supported, use 'max_completion_tokens'")
    assert formats.record_rejection(ask(formats), "'temperature' does not support 0")
    body = ask(formats).body
    assert body["max_completion_tokens"] == 50
    assert not {"max_tokens", "temperature"} & set(body)
    assert formats.format == "json_schema"
