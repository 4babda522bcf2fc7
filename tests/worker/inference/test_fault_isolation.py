"""A batch that fails is halved until the messages at fault are found."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from triage_worker.inference.fault_isolation import Fault, ModelDownError, isolate


def doubles_unless_negative(items: Sequence[int]) -> list[int]:
    if any(item < 0 for item in items):
        raise ValueError(f"cannot take {items}")
    return [2 * item for item in items]


@given(st.lists(st.integers(-5, 50), max_size=60))
def test_only_the_items_at_fault_are_found(items: list[int]) -> None:
    results = isolate(doubles_unless_negative, items, healthy=lambda: True)
    assert [isinstance(result, Fault) for result in results] == [item < 0 for item in items]
    assert [result for result in results if not isinstance(result, Fault)] == [2 * item for item in items if item >= 0]


def test_no_item_is_at_fault_when_the_model_fails_on_everything() -> None:
    with pytest.raises(ModelDownError):
        isolate(doubles_unless_negative, [-1] * 8, healthy=lambda: False)


def test_a_transient_failure_is_retried() -> None:
    calls = 0

    def fails_once(items: Sequence[str]) -> list[str]:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise MemoryError
        return list(items)

    assert isolate(fails_once, ["a"], healthy=lambda: True) == ["a"]


def test_the_reason_contains_nothing_of_the_message() -> None:
    (fault,) = isolate(doubles_unless_negative, [-987], healthy=lambda: True)
    assert isinstance(fault, Fault)
    assert "987" not in fault.reason
