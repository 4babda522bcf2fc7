"""Reading answers: every form in which models and gateways are known to give them, and only if it has one meaning."""

import contextlib
import time
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from triage_worker.fallback.answer import CAUSES, Answer, Unusable, read_answer
from triage_worker.fallback.completion import Completion, parse_completion
from triage_worker.fallback.error_body import ErrorBody
from triage_worker.fallback.errors import NotACompletionError, RejectedError

from tests.worker.fallback.events import LABELS

USUAL = '{"intent": "WISMO", "confidence": 0.9}'
WISMO = Answer("WISMO", 0.9)


def read(content: str, labels: dict[str, str] = LABELS, **more: Any) -> Answer | Unusable:
    return read_answer(Completion(content, **more), labels)


def parsed(content: str) -> Answer | str:
    """As a review event names it."""
    reading = read(content)
    return reading if isinstance(reading, Answer) else reading.reason


@pytest.mark.parametrize(
    ("content", "expected"),
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
        ('{"intent": "WISMO", "confidence": 90}', Answer("WISMO", 0.9)),
        ('{"intent": "WISMO", "confidence": true}', "unparsable"),
        ('{"intent": "WISMO", "confidence": NaN}', "unparsable"),
        ('[{"intent": "WISMO"}]', "unparsable"),
        ("It is WISMO.", "unparsable"),
        ("", "unparsable"),
        ('{"intent": "WIS', "unparsable"),
    ],
)
def test_an_answer_is_a_known_label_and_a_number_or_unusable(content: str, expected: object) -> None:
    assert parsed(content) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("0", 0.0), ("1", 1.0), ("1.0", 1.0), ("90", 0.9), ("95.5", 0.955), ("100", 1.0), ("1e2", 1.0), ("1e-1", 0.1),
        ('"90%"', 0.9), ('"90 %"', 0.9), ('"95,5 %"', 0.955), ('"1%"', 0.01), ('"0%"', 0.0), ('"100%"', 1.0),
        ('"0,9"', 0.9), ('"0.9"', 0.9), ('".9"', 0.9), ('",9"', 0.9), ('" 0.9 "', 0.9), ('"1,0"', 1.0), ('"9e-1"', 0.9),
        ('"90"', 0.9), ('"9/10"', 0.9), ('"4 / 5"', 0.8), ('"90/100"', 0.9),
    ],
)  # fmt: skip
def test_a_confidence_is_read_as_it_is_meant(written: str, expected: float) -> None:
    reading = read(f'{{"intent": "WISMO", "confidence": {written}}}')
    assert isinstance(reading, Answer)
    assert reading.confidence == pytest.approx(expected)


@pytest.mark.parametrize(
    "written",
    [
        "-0.1", "-1", "1.5", "2", "5", "9", "10", "101", "999", "1e3", "true", '"high"', '"very sure"', '"0.9%"',
        '"150%"', '"11/10"', '"1/0"', '"0.9 or so"', '"NaN"', '"Infinity"', "Infinity", "[0.9]", '{"value": 0.9}', '""',
        '"0.9.1"', '"٠٫٩"', '"½"',
    ],
)  # fmt: skip
def test_a_confidence_that_may_mean_several_numbers_or_none_is_unusable(written: str) -> None:
    reading = read(f'{{"intent": "WISMO", "confidence": {written}}}')
    assert reading == Unusable("bad_confidence")


def test_a_missing_confidence_is_named() -> None:
    assert read('{"intent": "WISMO"}') == read('{"intent": "WISMO", "confidence": null}') == Unusable("no_confidence")


@pytest.mark.parametrize(
    "content",
    [
        '{"intent": "WISMO", "confidence": 0.9,}',
        '{"intent": "WISMO", "confidence": 0.9, // quite sure\n}',
        '{/* the label */ "intent": "WISMO", "confidence": 0.9}',
        "{'intent': 'WISMO', 'confidence': 0.9}",
        "{'intent': 'WISMO', 'confidence': 0.9, 'sure': True, 'other': None}",
        "{intent: 'WISMO', confidence: .9}",
        "{“intent”: “WISMO”, “confidence”: 0.9}",
        '{\n  "intent" : "WISMO"\n,\n  "confidence" : 0.9\n}\n\n\n',
        "\ufeff" + USUAL,
        "```\n" + USUAL + "\n```",
        "```json\n" + USUAL + "\n```",
        "~~~JSON\n" + USUAL,
        orjson.dumps(USUAL).decode(),
        "The customer {as far as I see} asks for {parcel}: " + USUAL,
        USUAL + " I hope that {this} helps. {}",
        "{ I think that it is this: }" + USUAL,
        USUAL + "\n" + USUAL,
        '{"message": "where is it", "candidates": ["OTHER"]}\n' + USUAL,
        '{"type": "object", "properties": {"intent": {"type": "string", "enum": ["WISMO"]}}} ' + USUAL,
        "<think>hm {\"intent\": \"OTHER\", \"confidence\": 0.1}</think>" + USUAL,
        "<thinking>{</thinking>\n" + USUAL,
        "[THINK]is it OTHER?[/THINK]" + USUAL,
        USUAL + "<reasoning>since it never came</reasoning>",
        USUAL + "<think>but then",
        '<|channel|>analysis<|message|>It is {"intent": "OTHER", "confidence": 0.1}<|end|><|start|>assistant'
        "<|channel|>final<|message|>" + USUAL + "<|return|>",
        "Intent: WISMO\nConfidence: 0.9",
        "**intent:** WISMO\n**confidence:** 0.9\n",
        '"intent": "WISMO", "confidence": 0.9',
        "<intent>WISMO</intent>\n<confidence>90%</confidence>",
    ],
)  # fmt: skip
def test_an_answer_is_found_in_any_wrapping(content: str) -> None:
    assert read(content) == WISMO


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (USUAL + ' or {"intent": "OTHER", "confidence": 0.9}', "several_answers"),
        (USUAL + ' or {"intent": "WISMO", "confidence": 0.4}', "several_answers"),
        (USUAL + ' or {"intent": "NO_SUCH", "confidence": 0.9}', "several_answers"),
        ('[{"intent": "WISMO", "confidence": 0.9}, {"intent": "OTHER", "confidence": 0.1}]', "several_answers"),
        ('{"intent": "WISMO", "intent": "OTHER", "confidence": 0.9}', "invalid_json"),
        ("Intent: WISMO\nIntent: OTHER\nConfidence: 0.9", "no_json"),
        ('{"intent": "WISMO" "confidence": 0.9}', "invalid_json"),
        ('{"intent": "WISMO", "confidence": 0.9', "invalid_json"),
        ('{"confidence": 0.9}', "no_intent"),
        ('{"intent": null, "confidence": 0.9}', "no_intent"),
        ('{"wish": "WISMO", "confidence": 0.9}', "no_intent"),
        ("{}", "no_intent"),
        ("I cannot help with that.", "no_json"),
        ("WISMO", "no_json"),
        ("null", "no_json"),
        (" \n", "empty"),
        ("<think>it is WISMO</think>", "only_thoughts"),
        ("<think>it is WISMO", "only_thoughts"),
        ("<|channel|>analysis<|message|>" + USUAL, "only_thoughts"),
        ('{"intent": "REFUND", "confidence": 0.9}', "not_a_label"),
        ('{"intent": "WISMO or OTHER", "confidence": 0.9}', "not_a_label"),
        ('{"intent": "not WISMO", "confidence": 0.9}', "not_a_label"),
        ('{"intent": "WISMO, I think", "confidence": 0.9}', "not_a_label"),
    ],
)
def test_an_answer_with_several_meanings_or_none_has_a_cause(content: str, cause: str) -> None:
    assert read(content) == Unusable(cause)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("written", "label"),
    [
        ("WISMO", "WISMO"), ("wismo", "WISMO"), (" WISMO. ", "WISMO"), ('"WISMO"', "WISMO"), ("`WISMO`", "WISMO"),
        ("**WISMO**", "WISMO"), ("RETURN REQUEST", "RETURN_REQUEST"), ("return-request", "RETURN_REQUEST"),
        ("Return Request.", "RETURN_REQUEST"), ("returnRequest", None), ("WISMO: where is my order", "WISMO"),
        ("- WISMO: where is my order", "WISMO"), ("WISMO (where is my order)", "WISMO"), ("WISMO: but no", None),
        ("ＷＩＳＭＯ", "WISMO"), ("none of these", ""), ("None of these.", ""), ("none_of_these", ""), ("NONE", None),
    ],
)  # fmt: skip
def test_a_label_is_recognised_as_models_write_it(written: str, label: str | None) -> None:
    expected = Unusable("not_a_label") if label is None else Answer(label or None, 0.9)
    assert read(orjson.dumps({"intent": written, "confidence": 0.9}).decode()) == expected


def test_labels_that_look_alike_are_told_apart_or_unusable() -> None:
    labels = {"Refund": "", "refund": "", "C++": "", "C#": "", "late order": "", "late_order": "", "None of these": ""}
    written = {"Refund": "Refund", "refund": "refund", "REFUND": None, "C++": "C++", "c#": "C#", "C": None}
    written |= {"late_order": "late_order", "late-order": None, "None of these": "None of these"}
    for text, label in written.items():
        reading = read(orjson.dumps({"intent": text, "confidence": 1}).decode(), labels)
        assert reading == (Unusable("not_a_label") if label is None else Answer(label, 1.0)), text


@pytest.mark.parametrize(
    "document",
    [
        {"label": "WISMO", "confidence": 0.9},
        {"Intent": "WISMO", "Confidence": 0.9},
        {"category": "WISMO", "score": 0.9},
        {"predicted_intent": "WISMO", "confidence_score": 0.9},
        {"classification": "WISMO", "probability": "90%"},
        {"answer": "WISMO", "confidence": 0.9},
        {"result": "WISMO", "confidence": 0.9},
        {"result": {"intent": "WISMO", "confidence": 0.9}},
        {"status": "ok", "result": "success", "data": {"intent": "WISMO", "confidence": 0.9}},
        {"answer": {"label": "WISMO", "confidence": 0.9}},
        {"intents": [{"intent": "WISMO", "confidence": 0.9}]},
        [{"intent": "WISMO", "confidence": 0.9}],
        {"intent": {"name": "WISMO", "confidence": 0.9}},
        {"intent": {"name": "WISMO"}, "confidence": 0.9},
        {"intent": "WISMO", "confidence": 0.9, "alternatives": [{"intent": "OTHER", "confidence": 0.1}]},
        {"intent": "WISMO", "confidence": 0.9, "reason": "it is {late}", "label": "order status"},
        {"a": {"b": {"c": {"intent": "WISMO", "confidence": 0.9}}}},
    ],
)
def test_an_answer_is_found_under_other_names_and_within_other_objects(document: Any) -> None:
    assert read(orjson.dumps(document).decode()) == WISMO


def response(message: Any, finish: str | None = "stop", **more: Any) -> Completion:
    document = {"choices": [{"message": message, "finish_reason": finish}]} | more
    return parse_completion(orjson.dumps(document), "application/json")


CALL = {"type": "function", "function": {"name": "answer", "arguments": USUAL}}
OTHER_CALL = {"function": {"name": "answer", "arguments": '{"intent": "OTHER", "confidence": 0.9}'}}


@pytest.mark.parametrize(
    "message",
    [
        {"content": USUAL},
        {"content": None, "reasoning_content": USUAL},
        {"content": "", "reasoning": "It never came, so:\n" + USUAL},
        {"content": " ", "thinking": USUAL},
        {"reasoning_details": [{"type": "reasoning.text", "text": USUAL}]},
        {"content": "", "tool_calls": [CALL]},
        {"content": None, "tool_calls": [CALL, CALL]},
        {"content": None, "function_call": {"name": "answer", "arguments": USUAL}},
        {"content": None, "tool_calls": [{"function": {"arguments": {"intent": "WISMO", "confidence": 0.9}}}]},
        {"content": "I call the function.", "tool_calls": [CALL]},
        {"content": {"intent": "WISMO", "confidence": 0.9}},
        {"content": [{"type": "text", "text": USUAL}]},
        {"content": [USUAL[:9], USUAL[9:]]},
        {"content": [{"type": "output_text", "text": USUAL[:9]}, {"type": "text", "text": USUAL[9:]}]},
        {"content": [{"type": "thinking", "text": "{"}, {"type": "reasoning", "text": "{"}, {"text": USUAL}]},
        {"content": USUAL, "reasoning_content": 'or {"intent": "OTHER", "confidence": 0.1}'},
        {"content": USUAL, "refusal": None},
        {"content": USUAL, "refusal": ""},
        {"content": USUAL, "tool_calls": []},
        {"content": USUAL, "tool_calls": None, "function_call": None},
    ],
)
def test_an_answer_is_read_where_it_stands(message: dict[str, Any]) -> None:
    assert read_answer(response(message), LABELS) == WISMO


@pytest.mark.parametrize(
    ("completion", "cause"),
    [
        (response({"content": None}), "empty"),
        (response({"content": ""}, None), "empty"),
        (response({}), "empty"),
        (response({"content": None, "refusal": "I'm sorry, I can't help with that."}), "declined"),
        (response({"content": USUAL, "refusal": "I'm sorry."}), "declined"),
        (response({"content": None}, "content_filter"), "filtered"),
        (response({"content": '{"intent": "WIS'}, "content_filter"), "filtered"),
        (response({"content": None}, "length"), "cut_off"),
        (response({"content": '{"intent": "WISMO", "confidence": 0.'}, "length"), "cut_off"),
        (response({"content": '{"result": {"intent": "WISMO", "confidence": 0.9}, "or'}, "length"), "cut_off"),
        (response({"content": None, "reasoning_content": "hm, " + USUAL + " or"}, "length"), "cut_off"),
        (response({"content": "<think>hm"}, "length"), "cut_off"),
        (response({"content": None, "reasoning_content": "It never came."}), "only_thoughts"),
        (response({"content": None, "reasoning": USUAL + ' or {"intent": "OTHER", "confidence": 1}'}), "only_thoughts"),
        (response({"content": None, "tool_calls": [CALL, OTHER_CALL]}), "several_answers"),
        (response({"content": USUAL, "tool_calls": [OTHER_CALL]}), "several_answers"),
        (response({"content": None, "tool_calls": ["odd", None, {"function": 5}]}), "empty"),
        (parse_completion(b'{"choices": []}', ""), "no_choice"),
        (parse_completion(b'{"choices": null}', ""), "no_choice"),
        (parse_completion(b'{"choices": [], "prompt_filter_results": []}', ""), "no_choice"),
    ],
)
def test_a_completion_without_an_answer_names_the_cause(completion: Completion, cause: str) -> None:
    assert read_answer(completion, LABELS) == Unusable(cause)  # type: ignore[arg-type]


def test_an_answer_that_is_complete_may_be_followed_by_what_was_cut_off() -> None:
    assert read_answer(response({"content": USUAL + " " * 50_000}, "length"), LABELS) == WISMO


def test_every_cause_has_words_and_only_one_leads_to_another_reason() -> None:
    assert {cause for cause in CAUSES if Unusable(cause).reason == "not_a_label"} == {"not_a_label"}
    assert all(CAUSES.values())


@pytest.mark.parametrize(
    ("document", "error"),
    [
        ({"error": {"message": "no credit", "code": 402}}, RejectedError),
        ({"error": {"message": "no credit", "code": "insufficient_quota"}}, RejectedError),
        ({"error": "no such model"}, RejectedError),
        ({"error": {"message": "slow down", "code": 429}}, NotACompletionError),
        ({"error": {"message": "used up your quota", "code": "429"}}, RejectedError),
        ({"error": {"message": "upstream", "code": 502}}, NotACompletionError),
        ({"choices": [{"error": {"message": "upstream", "code": 502}, "finish_reason": "error"}]}, NotACompletionError),
        ({"choices": [{"error": {"code": 400, "message": "x"}, "message": {"content": ""}}]}, RejectedError),
    ],
)
def test_an_error_with_status_200_is_an_error(document: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        parse_completion(orjson.dumps(document), "application/json")
    assert isinstance(getattr(caught.value, "body", None), ErrorBody)


@given(st.one_of(st.text(), st.recursive(st.none() | st.floats() | st.text(), st.lists).map(str)))
def test_no_content_raises(content: str) -> None:
    assert parsed(content) in ("unparsable", "not_a_label") or isinstance(parsed(content), Answer)


@given(st.text(alphabet="{}[]\"':,\\ intentcofdWISMO0.9/*<>\n", max_size=200))
def test_nothing_that_is_almost_json_raises(content: str) -> None:
    reading = read(content)
    assert isinstance(reading, Unusable) or reading.intent in (None, *LABELS)


FIELDS = st.sampled_from(["intent", "confidence", "content", "message", "choices", "error", "tool_calls", "x"])
LEAVES = st.none() | st.booleans() | st.floats() | st.text()


@given(st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(FIELDS, inner)))
def test_no_document_raises_anything_but_a_call_error(document: Any) -> None:
    with contextlib.suppress(NotACompletionError, RejectedError):
        read_answer(parse_completion(orjson.dumps(document), "application/json"), LABELS)


@pytest.mark.parametrize(
    "content",
    [
        "{" * 300_000, "[" * 300_000, '{"a":' * 60_000, '{"a":[' * 50_000, "'" * 200_000, "<think>" * 50_000,
        '{"' * 99_999, '{"intent": "' + "x" * 500_000, "intent: " * 50_000, "/*" * 99_999, "{ /" * 60_000,
        "<|channel|>" * 90_000, "</think>" * 90_000, "{'a':{" * 50_000, "{'" + "\\'" * 50_000,
    ],
)  # fmt: skip
def test_a_hostile_answer_is_read_in_linear_time(content: str) -> None:
    started = time.thread_time()  # not by the clock: other processes would count
    assert isinstance(read(content), Unusable)
    assert time.thread_time() - started < 5  # in quadratic time it would be minutes
