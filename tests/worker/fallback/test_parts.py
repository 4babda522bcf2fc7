"""The fallback's plain parts: reading answers, the breaker, the budget, retries, and how an endpoint is asked."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from triage_worker.fallback import prompt
from triage_worker.fallback.adviser import Decided, Undecided, verdict
from triage_worker.fallback.answer import Answer, read
from triage_worker.fallback.breaker import Breaker
from triage_worker.fallback.budget import Window
from triage_worker.fallback.client import Reply
from triage_worker.fallback.cost import Prices, Tokens, billed, estimate
from triage_worker.fallback.dialect import FORMATS, Asked, Dialect
from triage_worker.fallback.retry import pause_s

from tests.worker.fallback.events import LABELS, event

SCHEMA = prompt.schema(list(LABELS))
TURNS = prompt.messages(event())


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
    assert read(content, LABELS) == said


def test_an_answer_stands_from_the_least_confidence_on() -> None:
    assert verdict(Answer("WISMO", 0.6), 0.6) == Decided("WISMO", 0.6)
    assert verdict(Answer("WISMO", 0.59), 0.6) == Undecided("unsure")
    assert verdict(Answer(None, 1.0), 0.6) == Undecided("none_of_these")


@given(st.one_of(st.text(), st.recursive(st.none() | st.floats() | st.text(), st.lists).map(str)))
def test_no_content_makes_reading_fail(content: str) -> None:
    said = read(content, LABELS)
    assert said in ("unparsable", "not_a_label") or isinstance(said, Answer)


@given(st.text(max_size=200))
def test_no_text_can_end_the_place_that_it_is_quoted_in(text: str) -> None:
    system, user = prompt.messages(event(text))
    assert system == prompt.messages(event("something else"))[0]
    assert orjson.loads(user["content"]) == {"message": text, "candidates": ["OTHER", "WISMO", "CANCEL_ORDER"]}


def test_the_question_names_every_label_with_its_meaning_and_none_of_them() -> None:
    instruction = TURNS[0]["content"]
    assert all(f"- {label}: {meaning}\n" in instruction for label, meaning in LABELS.items())
    assert SCHEMA["properties"]["intent"]["enum"] == [*LABELS, prompt.NONE]


def test_a_long_text_is_cut_since_tokens_are_money() -> None:
    _, user = prompt.messages(event("a" * 50_000))
    assert len(user["content"]) < prompt.MAX_CHARACTERS + 200


def test_the_breaker_opens_after_failures_in_a_row_only() -> None:
    breaker = Breaker(failures=3, first_s=5)
    for _ in range(2):
        breaker.failed(0)
    breaker.succeeded()
    for _ in range(2):
        breaker.failed(0)
    assert breaker.wait_s(0) == 0
    breaker.failed(1)
    assert breaker.state == "open"
    assert breaker.wait_s(2) == 4


def test_an_open_breaker_tries_with_one_call_and_pauses_longer_each_time() -> None:
    breaker = Breaker(failures=1, first_s=5, longest_s=15)
    breaker.failed(0)
    for opened, pause in ((0, 5), (5, 10), (15, 15), (30, 15)):
        now = opened + pause
        assert breaker.wait_s(opened) == pause
        assert breaker.wait_s(now) == 0
        assert breaker.wait_s(now) > 0, "only one call at a time is a trial"
        breaker.failed(now)
    assert breaker.wait_s(60) == 0
    breaker.succeeded()
    assert breaker.wait_s(60) == breaker.wait_s(60) == 0
    breaker.failed(70)
    assert breaker.wait_s(70) == 5, "a success makes the pauses short again"


def test_a_trial_that_was_not_made_lets_the_next_one_try() -> None:
    breaker = Breaker(failures=1, first_s=5)
    breaker.failed(0)
    assert breaker.wait_s(5) == 0
    breaker.withdrawn(6)
    assert breaker.wait_s(6) == 0


def test_a_server_that_asks_for_rest_gets_it_from_every_call_but_not_forever() -> None:
    breaker = Breaker()
    breaker.failed(0, rest_s=20)
    assert (breaker.state, breaker.wait_s(5), breaker.wait_s(20)) == ("closed", 15, 0)
    breaker.failed(30, rest_s=86_400)
    assert breaker.wait_s(30) == 300
    breaker.failed(40, rest_s=1)
    assert breaker.wait_s(40) == 290, "what another call was told still holds"


class Spender:
    """Spends what it may, and remembers."""

    def __init__(self, window: Window) -> None:
        self.window = window
        self.spent: list[tuple[float, float]] = []

    def spend(self, estimated: float, actual: float, now: float) -> None:
        spending = self.window.enter(estimated, now)
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
    spender = Spender(Window(most_calls, most_money))
    now = 0.0
    for later, estimated, share in calls:
        now += later
        spender.spend(estimated, estimated * share, now)
        hour = [cost for at, cost in spender.spent if at > now - 3_600]
        assert len(hour) <= most_calls
        assert sum(hour) <= most_money + 1e-9


def test_what_was_set_aside_and_not_spent_can_be_spent() -> None:
    window = Window(money=1.0)
    first = window.enter(0.8, 0)
    assert first is not None
    assert window.enter(0.8, 1) is None
    first.cost = 0.1
    assert window.enter(0.8, 2) is not None


def test_all_of_the_money_and_all_of_the_calls_of_an_hour_may_be_spent() -> None:
    window = Window(calls=2, money=1.0, window_s=10)
    assert window.enter(0.25, 0) is not None
    assert window.enter(0.76, 1) is None
    assert window.enter(0.75, 1) is not None
    assert window.enter(0.0, 2) is None
    assert window.enter(0.25, 10) is not None, "what was spent ten seconds ago is over"


def test_pauses_grow_and_are_jittered() -> None:
    assert [pause_s(failures, lambda: 1.0) for failures in (1, 2, 3, 9)] == [0.5, 1.0, 2.0, 8.0]
    assert pause_s(3, lambda: 0.25) == 0.5


def test_money_is_tokens_times_prices_and_an_estimate_where_tokens_are_not_told() -> None:
    estimated = estimate(TURNS, 50)
    assert Prices(0.15, 0.6).of(Tokens(1_000_000, 500_000)) == pytest.approx(0.45)
    assert billed(Reply("", 87, 4), estimated) == Tokens(87, 4)
    assert billed(Reply("", None, None), estimated) == estimated
    assert (estimated.read, estimated.written) > (300, 49)


def ask(dialect: Dialect) -> Asked:
    return dialect.ask(TURNS, SCHEMA)


def kinds(body: dict[str, Any]) -> tuple[str | None, bool]:
    form = body.get("response_format", {})
    return form.get("type"), "schema" in form or "json_schema" in form


def test_the_strictest_way_is_tried_first_and_refusals_lead_to_the_next() -> None:
    dialect = Dialect("m", 50)
    tried = []
    for _ in FORMATS:
        asked = ask(dialect)
        tried.append(kinds(asked.body))
        dialect.refused(asked, "unknown response_format")
    assert tried == [("json_schema", True), ("json_object", True), ("json_object", False), (None, False)]
    assert dialect.format == "json_schema", "all refused: it was the message, not the way"


def test_a_way_that_worked_is_kept_until_it_is_refused_over_and_over() -> None:
    dialect = Dialect("m", 50)
    assert dialect.refused(ask(dialect), "")
    dialect.understood(ask(dialect))
    assert not dialect.refused(ask(dialect), "too long")
    assert not dialect.missed(ask(dialect))
    dialect.understood(ask(dialect))
    assert [dialect.refused(ask(dialect), "") for _ in range(3)] == [False] * 3
    assert (dialect.format, dialect.known) == ("json_schema", False)


def test_a_way_that_is_quietly_ignored_is_left_after_two_answers() -> None:
    dialect = Dialect("m", 50)
    assert dialect.missed(ask(dialect))
    assert ask(dialect).format == "json_schema"
    assert dialect.missed(ask(dialect))
    assert ask(dialect).format == "json_object_with_schema"


def test_two_messages_that_find_out_at_once_move_on_once() -> None:
    dialect = Dialect("m", 50)
    first, second = ask(dialect), ask(dialect)
    assert dialect.refused(first, "")
    assert dialect.refused(second, "")
    assert dialect.format == "json_object_with_schema"


def test_parameters_that_newer_models_refuse_are_left_out() -> None:
    dialect = Dialect("m", 50)
    assert dialect.refused(ask(dialect), "'max_tokens' is not supported, use 'max_completion_tokens'")
    assert dialect.refused(ask(dialect), "'temperature' does not support 0")
    body = ask(dialect).body
    assert body["max_completion_tokens"] == 50
    assert not {"max_tokens", "temperature"} & set(body)
    assert dialect.format == "json_schema"
