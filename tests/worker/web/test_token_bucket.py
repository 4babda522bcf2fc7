"""Rates of texts: bursts pass, what is too much waits, and no request waits for ever."""

from hypothesis import given
from hypothesis import strategies as st
from triage_worker.web.token_bucket import TokenBucket


def test_a_full_bucket_allows_a_burst_and_then_the_rate() -> None:
    bucket = TokenBucket(rate=10, burst=20, now=0)
    assert bucket.take(20, now=0) == 0
    assert bucket.take(5, now=0) == 0.5
    assert bucket.take(5, now=0.25) == 0.25
    assert bucket.take(5, now=0.5) == 0


def test_what_is_refused_costs_nothing() -> None:
    bucket = TokenBucket(rate=1, burst=2, now=0)
    assert bucket.take(2, now=0) == 0
    assert [bucket.take(1, now=0) for _ in range(5)] == [1.0] * 5
    assert bucket.take(1, now=1) == 0


def test_more_than_a_burst_is_taken_from_a_full_bucket_and_earned_afterwards() -> None:
    bucket = TokenBucket(rate=10, burst=10, now=0)
    assert bucket.take(1, now=0) == 0
    assert bucket.take(30, now=0) > 0
    assert bucket.take(30, now=1) == 0
    assert bucket.take(1, now=1) == 2.1


@given(st.lists(st.tuples(st.integers(1, 50), st.floats(0, 3)), max_size=60))
def test_over_any_time_no_more_passes_than_burst_and_rate_together(requests: list[tuple[int, float]]) -> None:
    bucket = TokenBucket(rate=7, burst=50, now=0)
    now, passed = 0.0, 0
    for texts, pause_s in requests:
        now += pause_s
        if bucket.take(texts, now) == 0:
            passed += texts
        assert passed <= 50 + 7 * now + 1e-6
