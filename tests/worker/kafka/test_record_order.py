"""One order for the records of several partitions, also if clocks are wrong."""

from datetime import UTC, datetime, timedelta
from itertools import combinations_with_replacement

import numpy as np
import pytest
from aiokafka.structs import TopicPartition
from triage_worker.kafka.record_order import Placed, in_order, rising_times

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
YEAR = timedelta(days=365)


def place(event: int, partition: int, offset: int, error: timedelta = timedelta()) -> Placed[int]:
    """Place event number n, which happened n minutes after noon, by a clock with this error."""
    return Placed(event, TopicPartition("t", partition), offset, NOON + timedelta(minutes=event) + error)


def partitions(count: int, errors: dict[int, timedelta]) -> list[Placed[int]]:
    """Place events on three partitions in turn; the errors are of single events' clocks."""
    return [place(event, event % 3, event // 3, errors.get(event, timedelta())) for event in range(count)]


def order(events: list[Placed[int]]) -> list[int]:
    return [one.event for one in in_order(events)]


def test_partitions_that_were_read_in_any_order_are_merged_by_time() -> None:
    events = partitions(30, {})
    shuffled = [events[at] for at in np.random.default_rng(1).permutation(30).tolist()]
    assert order(shuffled) == list(range(30))
    assert order([]) == []


@pytest.mark.parametrize("error", [YEAR, -YEAR], ids=["fast", "slow"])
def test_a_wrong_clock_moves_events_by_a_few_places(error: timedelta) -> None:
    wrong = dict.fromkeys(range(0, 300, 4), error)
    ordered = order(partitions(300, wrong))
    assert sorted(ordered) == list(range(300))
    moved = [abs(ordered.index(one) - one) for one in range(20, 280)]
    assert max(moved) <= 6


def test_offsets_order_a_partition_whatever_the_times_say() -> None:
    backwards = [place(10 - offset, 0, offset) for offset in range(10)]
    assert order(list(reversed(backwards))) == list(range(10, 0, -1))


def test_the_times_are_the_nearest_that_never_fall() -> None:
    random = np.random.default_rng(2)
    for _ in range(100):
        times = [float(one) for one in random.integers(0, 6, size=int(random.integers(1, 6)))]
        fitted = rising_times(times)
        every = combinations_with_replacement(sorted(set(times)), len(times))
        least = min(sum(abs(a - b) for a, b in zip(times, one, strict=True)) for one in every)
        assert fitted == sorted(fitted)
        assert sum(abs(a - b) for a, b in zip(times, fitted, strict=True)) == least
