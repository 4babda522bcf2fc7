"""Cutting a wave into batches."""

from hypothesis import given
from hypothesis import strategies as st

from worker.batching import LEAST_TOKENS, WAVE_BATCHES, cut, wave

LENGTHS = st.lists(st.integers(2, 512), max_size=300)
BUDGETS = st.integers(1, 20_000)
THREADS = st.integers(1, 16)


@given(LENGTHS, BUDGETS, THREADS)
def test_every_message_runs_exactly_once(lengths: list[int], budget: int, threads: int) -> None:
    batches = cut(lengths, budget, threads)
    assert sorted(position for batch in batches for position in batch) == list(range(len(lengths)))


@given(LENGTHS, BUDGETS, THREADS)
def test_no_batch_passes_the_budget_unless_it_is_one_message(lengths: list[int], budget: int, threads: int) -> None:
    for batch in cut(lengths, budget, threads):
        assert len(batch) == 1 or len(batch) * max(lengths[position] for position in batch) <= budget


@given(LENGTHS, BUDGETS, THREADS)
def test_the_batch_of_the_oldest_message_runs_first(lengths: list[int], budget: int, threads: int) -> None:
    batches = cut(lengths, budget, threads)
    oldest = [min(batch) for batch in batches]
    assert oldest == sorted(oldest)


@given(LENGTHS.filter(bool), BUDGETS, THREADS)
def test_a_wave_takes_at_least_one_message_and_no_more_than_its_room(
    lengths: list[int], budget: int, threads: int
) -> None:
    taken = wave(lengths, budget, threads)
    assert 1 <= taken <= len(lengths)
    assert taken == 1 or sum(lengths[:taken]) <= budget * threads * WAVE_BATCHES
    assert taken == len(lengths) or sum(lengths[: taken + 1]) > budget * threads * WAVE_BATCHES


def test_a_small_wave_is_shared_among_the_threads() -> None:
    assert len(cut([16] * 100, 4096, 2)) == 2


def test_a_tiny_wave_is_not_cut_for_the_sake_of_idle_threads() -> None:
    assert len(cut([16] * (LEAST_TOKENS // 16), 4096, 8)) == 1


def test_lengths_are_not_mixed_when_the_budget_separates_them() -> None:
    assert cut([10, 100, 10, 100], 200, 1) == [[0, 2], [1, 3]]
