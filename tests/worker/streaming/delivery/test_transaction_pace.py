"""How long the partitions of one worker gather outputs for a transaction."""

from contextlib import ExitStack

import pytest
from triage_worker.streaming.delivery.transaction_pace import TransactionPace


def test_a_few_partitions_gather_for_the_interval() -> None:
    pace = TransactionPace(0.1, most_per_s=100)
    with ExitStack() as stack:
        assert [stack.enter_context(pace.gathering()) for _ in range(10)] == [0.1] * 10


def test_many_at_once_gather_longer_and_begin_no_more_transactions_than_allowed() -> None:
    pace = TransactionPace(0.1, most_per_s=100)
    with ExitStack() as stack:
        intervals = [stack.enter_context(pace.gathering()) for _ in range(200)]
    assert intervals[-1] == pytest.approx(2.0)
    assert intervals == sorted(intervals)
    with pace.gathering() as interval_s:
        assert interval_s == 0.1


def test_a_partition_that_is_cancelled_is_not_counted_any_more() -> None:
    pace = TransactionPace(0.0, most_per_s=1)
    with pytest.raises(ValueError, match="cancelled"), pace.gathering():
        raise ValueError("cancelled")
    with pace.gathering() as interval_s:
        assert interval_s == 1.0
