"""Whether a record repeats an earlier one depends on the log alone: whoever reads it, and however often."""

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st
from triage_worker.intake.seen_keys import SLACK_MS, KeyedRecord, SeenKeys, key_hash

WINDOW_MS = 1_000


def record(offset: int, timestamp_ms: int, key: str = "a") -> KeyedRecord:
    return KeyedRecord(offset, timestamp_ms, key.encode())


def test_a_key_counts_for_the_window_since_it_came_last() -> None:
    seen = SeenKeys(WINDOW_MS)
    times = [0, 900, 1_800, 2_900, 3_900]
    assert [seen.add(record(offset, time)) for offset, time in enumerate(times)] == [False, True, True, False, True]


def test_sources_do_not_share_keys() -> None:
    assert key_hash("a", "bc") != key_hash("ab", "c")


def test_old_keys_are_forgotten() -> None:
    seen = SeenKeys(WINDOW_MS)
    for offset in range(1_000):
        seen.add(record(offset, offset * SLACK_MS, str(offset)))
    assert len(seen) <= 2


def test_what_is_read_again_is_no_repetition() -> None:
    seen = SeenKeys(WINDOW_MS)
    log = [record(0, 0, "a"), record(1, 1, "b"), record(2, 2, "a"), record(3, 3, "c")]
    first = [seen.add(one) for one in log]
    seen.rewind(1)
    assert [seen.add(one) for one in log[1:]] == first[1:] == [False, True, False]


def test_going_back_behind_what_is_known_forgets_everything() -> None:
    seen = SeenKeys(WINDOW_MS)
    seen.start_at(10)
    seen.add(record(10, 0))
    seen.rewind(5)
    assert (seen.end, len(seen)) == (None, 0)


LOGS = st.lists(st.tuples(st.integers(0, 600), st.sampled_from("abcd")), min_size=1, max_size=40)


@given(log=LOGS, data=st.data())
def test_every_owner_of_a_partition_decides_the_same(log: list[tuple[int, str]], data: st.DataObject) -> None:
    """One owner reads everything; another begins anywhere, knows the window before, and goes back once."""
    time, records = 0, []
    for offset, (step, key) in enumerate(log):
        time += step
        records.append(record(offset, time, key))
    alone = SeenKeys(WINDOW_MS)
    decided = [alone.add(one) for one in records]
    start = data.draw(st.integers(0, len(records) - 1))
    other = SeenKeys(WINDOW_MS)
    window = [one for one in records[:start] if one.timestamp_ms >= records[start].timestamp_ms - WINDOW_MS]
    other.start_at(start - len(window))
    for one in window:
        other.add(one)
    other.skip(start)
    assert [other.add(one) for one in records[start:]] == decided[start:]
    again = data.draw(st.integers(start, len(records) - 1))
    other.rewind(again)
    assert [other.add(one) for one in records[again:]] == decided[again:]


def test_a_key_takes_as_much_memory_as_the_page_says() -> None:
    tracemalloc.start()
    seen = SeenKeys(WINDOW_MS)
    for offset in range(20_000):
        seen.add(KeyedRecord(offset + 10**6, 10**12 + offset, key_hash("shop", str(offset))))
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used / 20_000 < 260
