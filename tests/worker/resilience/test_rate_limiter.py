"""The rate limiter."""

from hypothesis import given
from hypothesis import strategies as st
from triage_worker.resilience.rate_limiter import RateLimiter


@given(st.integers(1, 5_000), st.lists(st.floats(0, 30), min_size=1, max_size=200))
def test_no_minute_has_more_calls_than_allowed(per_minute: int, gaps: list[float]) -> None:
    limiter, now, called = RateLimiter(per_minute), 1_000.0, []
    for gap in gaps:
        now += gap
        now += limiter.reserve_s(now)
        called.append(now)
    for index, at in enumerate(called):
        assert sum(at <= other < at + 59.999 for other in called[index:]) <= per_minute + 1
