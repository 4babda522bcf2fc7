import numpy as np
import pytest
from triage_models.audit.expected_errors import (
    EDGES,
    NOTABLE_DRIFT,
    confidence_drift,
    count_confidences,
    expected_error_share,
)

from tests.models.audit.samples import calibrated


def test_expected_errors_are_those_that_calibrated_events_have() -> None:
    events = calibrated(50_000, 0)
    assert expected_error_share(events.confidence) == pytest.approx(events.error.mean(), abs=0.003)


def test_without_events_nothing_is_expected() -> None:
    assert expected_error_share(np.zeros(0)) is None
    nothing = count_confidences(np.zeros(0))
    assert confidence_drift(nothing, nothing) is None


def test_every_confidence_has_a_bin() -> None:
    counts = count_confidences(np.array([0.0, 0.5, 0.999, 1.0]))
    assert counts.sum() == 4
    assert len(counts) == len(EDGES) - 1
    assert counts[-1] == 2


def test_the_same_traffic_has_not_drifted_and_other_traffic_has() -> None:
    reference, same, other = (
        count_confidences(calibrated(4000, seed, doubt).confidence) for seed, doubt in ((1, 0.03), (2, 0.03), (3, 0.09))
    )
    near, far = confidence_drift(reference, same), confidence_drift(reference, other)
    assert near is not None
    assert near < 0.01
    assert far is not None
    assert far > NOTABLE_DRIFT
    assert far == confidence_drift(other, reference)


def test_traffic_without_a_bin_in_common_is_as_far_as_can_be() -> None:
    first, second = (count_confidences(np.full(100_000, confidence)) for confidence in (0.55, 0.97))
    assert confidence_drift(first, second) == pytest.approx(1.0, abs=0.01)
