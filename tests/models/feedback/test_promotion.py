"""Deciding on promotion: what makes a candidate better, and what rules it out."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from triage_models.feedback.promotion import BundleComparison, BundleResults, decide_promotion, sign_test


def results(right: int, wrong: int, *, accepted: bool = True, loss: float | None = None) -> BundleResults:
    flags = np.array([True] * right + [False] * wrong)
    return BundleResults(
        flags, np.full(len(flags), accepted), np.where(flags, 0.05, 2.0) if loss is None else loss * flags
    )


def compared(
    before: BundleResults, after: BundleResults, intent: Callable[[int], str] = lambda row: "WISMO"
) -> BundleComparison:
    return BundleComparison([intent(row) for row in range(len(before.correct))], before, after)


SAME_TEST = compared(results(990, 10), results(990, 10))


def test_clearly_fewer_errors_on_held_out_answers_is_better() -> None:
    decision = decide_promotion(compared(results(60, 20), results(75, 5)), SAME_TEST)
    assert decision.better
    assert "5 errors instead of 20" in decision.reasons[0]


def test_one_error_fewer_may_be_chance() -> None:
    before, after = results(78, 2), results(79, 1)
    decision = decide_promotion(compared(before, after), SAME_TEST)
    assert not decision.better
    assert "may be chance" in decision.reasons[0]


def test_too_few_held_out_answers_are_no_evidence() -> None:
    assert "too few" in decide_promotion(compared(results(0, 29), results(29, 0)), SAME_TEST).reasons[0]
    assert decide_promotion(compared(results(0, 30), results(30, 0)), SAME_TEST).better


@pytest.mark.parametrize(("errors", "better"), [(12, True), (13, False)])
def test_the_test_set_may_lose_the_margin_and_no_more(errors: int, better: bool) -> None:
    held = compared(results(60, 20), results(75, 5))
    test = compared(results(990, 10), results(1000 - errors, errors), lambda row: f"intent {row % 100}")
    assert decide_promotion(held, test, margin=0.2).better is better


def test_a_candidate_that_accepts_nothing_is_worse() -> None:
    held = compared(results(60, 20), results(75, 5))
    decision = decide_promotion(held, compared(results(990, 10), results(990, 10, accepted=False)))
    assert not decision.better
    assert "accepts 100.00 points fewer" in decision.reasons[0]


def test_a_candidate_that_loses_one_intent_for_the_others_is_worse() -> None:
    """40 rows of CANCEL_ORDER are lost and 40 others gained, so accuracy is unchanged."""
    before = results(1000, 0)
    broken = np.arange(1000) < 40
    before.correct[960:] = False
    after = BundleResults(~broken, before.accepted, before.loss)
    test = compared(before, after, lambda row: "CANCEL_ORDER" if row < 100 else "WISMO")
    decision = decide_promotion(compared(results(60, 20), results(75, 5)), test)
    assert not decision.better
    assert any("CANCEL_ORDER lost 40.0 points" in why for why in decision.reasons)


@given(st.integers(0, 30), st.integers(0, 30))
def test_the_sign_test_is_a_probability_that_falls_with_every_row_broken(worse: int, better: int) -> None:
    assert 0 < sign_test(worse, better) <= 1
    assert sign_test(worse + 1, better) <= sign_test(worse, better)


def test_the_sign_test_is_exact() -> None:
    assert sign_test(5, 0) == 1 / 32
    assert sign_test(0, 0) == 1.0


@given(st.integers(30, 80), st.integers(0, 30))
def test_a_candidate_that_is_the_serving_bundle_is_never_better(right: int, wrong: int) -> None:
    same = compared(results(right, wrong), results(right, wrong))
    assert not decide_promotion(same, SAME_TEST).better
