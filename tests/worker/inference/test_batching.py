"""A wave of messages is divided into batches."""

from hypothesis import given
from hypothesis import strategies as st
from triage_worker.inference.batching import LEAST_TOKENS, Limits, cut, wave

LENGTHS = st.lists(st.integers(2, 512), max_size=300)
LIMITS = st.builds(
    Limits,
    threads=st.integers(1, 16),
    budget=st.integers(1, 20_000),
    padding=st.integers(0, 5_000),
    wave=st.integers(1, 20_000),
)


@given(LENGTHS, LIMITS)
def test_every_message_runs_exactly_once(lengths: list[int], limits: Limits) -> None:
    batches = cut(lengths, limits)
    assert sorted(position for batch in batches for position in batch) == list(range(len(lengths)))


@given(LENGTHS, LIMITS)
def test_a_batch_of_several_messages_keeps_to_the_budget_and_the_padding(lengths: list[int], limits: Limits) -> None:
    for batch in cut(lengths, limits):
        longest = max(lengths[position] for position in batch)
        assert len(batch) == 1 or len(batch) * longest <= limits.budget
        assert len(batch) * longest - sum(lengths[position] for position in batch) <= limits.padding


@given(LENGTHS, LIMITS)
def test_the_batch_of_the_oldest_message_runs_first(lengths: list[int], limits: Limits) -> None:
    oldest = [min(batch) for batch in cut(lengths, limits)]
    assert oldest == sorted(oldest)


@given(LENGTHS.filter(bool), LIMITS)
def test_a_wave_has_at_least_one_message_and_keeps_to_its_size(lengths: list[int], limits: Limits) -> None:
    taken = wave(lengths, limits)
    room = limits.threads * max(limits.wave, limits.budget)
    assert 1 <= taken <= len(lengths)
    assert taken == 1 or sum(lengths[:taken]) <= room
    assert taken == len(lengths) or sum(lengths[: taken + 1]) > room


def test_a_small_wave_is_divided_among_the_threads() -> None:
    assert len(cut([16] * 100, Limits(threads=2, budget=4096))) == 2


def test_a_tiny_wave_is_not_divided_among_idle_threads() -> None:
    assert len(cut([16] * (LEAST_TOKENS // 16), Limits(threads=8, budget=4096))) == 1


def test_different_lengths_are_separated_where_padding_costs_more_than_a_batch() -> None:
    assert cut([10, 12, 10, 12], Limits(threads=1, budget=200, padding=3)) == [[0, 2], [1, 3]]


def test_different_lengths_are_combined_where_a_batch_costs_more_than_padding() -> None:
    assert cut([10, 12, 10, 12], Limits(threads=1, budget=200, padding=4)) == [[0, 2, 1, 3]]
