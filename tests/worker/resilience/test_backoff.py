"""Retry delays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from triage_worker.resilience.backoff import FixedDelays, RetryPolicy

POLICIES = [RetryPolicy(0.5, 8.0, 0.0), FixedDelays((0.5, 1.0, 8.0))]


def test_delays_double_up_to_the_longest() -> None:
    policy = RetryPolicy(first_s=0.5, longest_s=8.0, jitter=0.0)
    assert [policy.delay_s(failures) for failures in (1, 2, 3, 9, 100_000)] == [0.5, 1.0, 2.0, 8.0, 8.0]


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_jitter_shortens_a_delay_by_at_most_its_share(failures: int, jitter: float) -> None:
    full = RetryPolicy(0.5, 60.0, 0.0).delay_s(failures)
    assert full * (1 - jitter) <= RetryPolicy(0.5, 60.0, jitter).delay_s(failures) <= full


def test_two_clients_do_not_retry_in_step() -> None:
    policy = RetryPolicy(0.5, 60.0)
    assert len({policy.delay_s(5) for _ in range(20)}) > 10


def test_the_last_fixed_delay_repeats() -> None:
    delays = FixedDelays((0.1, 0.5, 2.0))
    assert [delays.delay_s(failures) for failures in (1, 2, 3, 4, 100)] == [0.1, 0.5, 2.0, 2.0, 2.0]
    assert delays.longest_s == 2.0


@pytest.mark.parametrize("policy", POLICIES)
def test_retry_after_replaces_the_delay_for_up_to_an_hour(policy: RetryPolicy | FixedDelays) -> None:
    assert [policy.delay_s(3, asked) for asked in (0.0, 30.0, 86_400.0)] == [0.0, 30.0, 3_600.0]
