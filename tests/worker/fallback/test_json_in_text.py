"""The objects that are found in a text that a model wrote."""

from typing import Any

import orjson
import pytest
from triage_worker.fallback.json_in_text import MOST_ATTEMPTS, MOST_CHARACTERS, DuplicateName, find_objects

A, B = '{"a": 1}', '{"b": 2}'


@pytest.mark.parametrize(
    ("text", "objects"),
    [
        ("", []),
        ("no brace", []),
        (A, [{"a": 1}]),
        (f"first {A}, then {B}.", [{"a": 1}, {"b": 2}]),
        (A + B, [{"a": 1}, {"b": 2}]),
        ('{"a": {"b": 2}}', [{"a": {"b": 2}}]),
        ("so {'a':   True} or {'b': 2} then", [{"a": True}, {"b": 2}]),
        ("so {'a': False, 'b': None, 'c': [True, None ]}" + B, [{"a": False, "b": None, "c": [True, None]}, {"b": 2}]),
        ("{'a':                    True, 'b': {'c': 1}}", [{"a": True, "b": {"c": 1}}]),
        ('{"a": "they say “where”"}', [{"a": "they say “where”"}]),
        ('{"a": 1, "a": 1}', [{"a": 1}]),
        (f" {orjson.dumps(A).decode()}\n", [{"a": 1}]),
        (f'"quoted" {A} "quoted"', [{"a": 1}]),
    ],
)
def test_every_object_is_found(text: str, objects: list[dict[str, Any]]) -> None:
    assert find_objects(text) == (objects, False)


@pytest.mark.parametrize("quote", "\"“”„‟«»'‘’‚‛")
def test_names_may_have_any_quotes(quote: str) -> None:
    assert find_objects(f"it is {{{quote}a{quote}: 1}}, I think") == ([{"a": 1}], False)


@pytest.mark.parametrize(
    ("text", "objects"),
    [
        ("{", []),
        ("{" + A, [{"a": 1}]),
        (A + " {", [{"a": 1}]),
        ("{x " + A, [{"a": 1}]),
        ('{"x": {"b": 2} "y"', [{"b": 2}]),
        ('{"a": 1, "a": 2}', []),
        ("{'a': 1, 'a': 2} " + B, [{"b": 2}]),
        ('{"x":' * 5_000, []),
        ("{'x':" * 700, []),
    ],
)
def test_a_brace_without_an_object_is_noticed_and_hides_none(text: str, objects: list[dict[str, Any]]) -> None:
    assert find_objects(text) == (objects, True)


def test_an_inner_object_with_two_values_for_a_name_is_no_null() -> None:
    assert find_objects('{"x": {"a": 1, "a": 2}}') == ([{"x": DuplicateName()}], False)


def test_only_the_end_of_a_text_is_searched() -> None:
    padding = "." * (MOST_CHARACTERS - len(A))
    assert find_objects(f"{B}{A}{padding}") == ([{"a": 1}], False)
    assert find_objects(f"{A}.{padding}") == ([], False)
    assert find_objects(f"{A}{padding}  \n") == ([{"a": 1}], False)


def test_reading_is_not_tried_at_every_brace() -> None:
    assert find_objects("{! " * (MOST_ATTEMPTS - 1) + A) == ([{"a": 1}], True)
    assert find_objects("{! " * MOST_ATTEMPTS + A) == ([], True)
