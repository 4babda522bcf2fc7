import numpy as np
import pytest
from triage_models.audit.allowance import Allowance

from tests.models.audit.samples import LABELS, calibrated

ROWS = calibrated(6000, 0)


def test_allowed_errors_add_up_to_the_promise() -> None:
    allowance = Allowance.fit(ROWS.confidence, ROWS.intent, ROWS.found, LABELS, max_error=0.05)
    assert allowance.of(ROWS.confidence, ROWS.intent).mean() == pytest.approx(0.05, rel=1e-3)
    assert allowance.inflation > 1.0


def test_a_higher_confidence_is_allowed_fewer_errors() -> None:
    allowance = Allowance.fit(ROWS.confidence, ROWS.intent, ROWS.found, LABELS, max_error=0.05)
    allowed = allowance.of(np.array([0.7, 0.9, 0.99]), np.zeros(3, dtype=np.int64))
    assert allowed[0] > allowed[1] > allowed[2]


def test_an_intent_with_more_errors_is_allowed_more() -> None:
    wrong = ROWS.found | ((ROWS.intent == 2) & (np.random.default_rng(0).random(len(ROWS)) < 0.1))
    allowance = Allowance.fit(ROWS.confidence, ROWS.intent, wrong, LABELS, max_error=0.05)
    assert allowance.ratios[2] > 2 * np.median(allowance.ratios)


def test_a_bundle_that_breaks_the_promise_is_allowed_what_it_does() -> None:
    wrong = np.random.default_rng(0).random(len(ROWS)) < 0.2
    allowance = Allowance.fit(ROWS.confidence, ROWS.intent, wrong, LABELS, max_error=0.05)
    assert allowance.inflation == pytest.approx(1.0)
    assert allowance.of(ROWS.confidence, ROWS.intent).mean() == pytest.approx(0.2, abs=0.02)


def test_without_rows_a_confidence_is_taken_at_its_word() -> None:
    none = ROWS.take(slice(0, 0))
    assert Allowance.fit(none.confidence, none.intent, none.found, LABELS, max_error=0.05) == Allowance.stated(LABELS)
    allowed = Allowance.stated(LABELS).of(np.array([0.9, 1.0]), np.zeros(2, dtype=np.int64))
    assert allowed.tolist() == pytest.approx([0.1, 0.0], abs=1e-5)


def test_rows_without_an_error_can_be_fitted() -> None:
    allowance = Allowance.fit(ROWS.confidence, ROWS.intent, ROWS.found & False, LABELS, max_error=0.05)
    assert np.isfinite(allowance.of(ROWS.confidence, ROWS.intent)).all()
