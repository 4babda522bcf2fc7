"""Decisions are remembered by what the tokenizer makes of a text, up to a number of texts."""

import threading
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from triage_models.serving.decision import Decision
from triage_models.serving.engine import Encoded
from triage_models.text.language import Detection
from triage_worker.inference.decision_memory import DecisionMemory


class Deciding:
    """Decides that a text is about its first token, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Encoded] = []

    def __call__(self, batch: Sequence[Encoded]) -> list[Decision]:
        self.asked.extend(batch)
        return [decision(row) for row in batch]


def decision(row: Encoded) -> Decision:
    return Decision(str(row.ids[0]), 0.9, accepted=True, reason=None, scores={}, familiarity=0.5, truncated=False)


def text(*ids: int) -> Encoded:
    return Encoded(list(ids), False)


@given(st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=6), max_size=12), st.integers(0, 4))
def test_every_batch_gets_the_decisions_that_it_would_get_without_a_memory(rows: list[list[int]], size: int) -> None:
    memory, deciding = DecisionMemory(size), Deciding()
    for batch in (rows[::3], rows[1::3], rows[2::3], rows):
        batch_texts = [text(*ids) for ids in batch]
        decided, hits = memory.decide(batch_texts, deciding) if batch else ([], 0)
        assert decided == [decision(one) for one in batch_texts]
        assert 0 <= hits <= len(batch)


def test_a_text_is_decided_once_also_within_a_batch() -> None:
    memory, deciding = DecisionMemory(10), Deciding()
    assert memory.decide([text(1), text(2), text(1)], deciding).hits == 1
    assert memory.decide([text(2), text(3)], deciding).hits == 1
    assert [row.ids for row in deciding.asked] == [[1], [2], [3]]


def test_what_was_not_seen_for_longest_is_forgotten() -> None:
    memory, deciding = DecisionMemory(2), Deciding()
    for one in (1, 2, 1, 3):
        memory.decide([text(one)], deciding)
    assert memory.decide([text(1)], deciding).hits == 1
    assert memory.decide([text(2)], deciding).hits == 0


DIFFERENT = [
    Encoded([1, 2, 3], False),
    Encoded([1, 2], False, ([3],)),
    Encoded([1, 2], False, (), False, ([3],)),
    Encoded([1], False, ([2], [3])),
    Encoded([1], False, ([2, 3],)),
    Encoded([1, 2, 3], True),
    Encoded([1, 2, 3], False, automatic=True),
    Encoded([1, 2, 3], False, language=Detection("de", 0.9)),
    Encoded([1, 2, 3], False, language=Detection("de", 0.8)),
    Encoded([1, 2, 3], False, text="where is it and cancel"),
    Encoded([1, 2, 3], False, text="where is it. and cancel"),
    Encoded([1, 2, 3], False, text="a lone surrogate \ud800"),
    Encoded([1], False, ([2],), False, ([3],)),
    Encoded([1], False, (), False, ([2], [3])),
]


def test_texts_that_may_be_decided_differently_are_never_mixed_up() -> None:
    memory, deciding = DecisionMemory(100), Deciding()
    assert memory.decide(DIFFERENT, deciding).hits == 0
    assert memory.decide(DIFFERENT, deciding).hits == len(DIFFERENT)


def test_nothing_of_a_failed_batch_is_remembered() -> None:
    memory, deciding = DecisionMemory(10), Deciding()

    def fails(batch: Sequence[Encoded]) -> list[Decision]:
        raise RuntimeError("the model fails")

    with pytest.raises(RuntimeError):
        memory.decide([text(1)], fails)
    assert memory.decide([text(1)], deciding).hits == 0


def test_threads_share_a_memory() -> None:
    memory, failures = DecisionMemory(50), list[BaseException]()

    def work(seed: int) -> None:
        for number in range(2_000):
            batch = [text((number * seed + place) % 97) for place in range(8)]
            if memory.decide(batch, Deciding()).decisions != [decision(one) for one in batch]:
                raise AssertionError(batch)

    threads = [threading.Thread(target=kept(work, failures), args=(seed,)) for seed in (1, 3, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def kept(work: Callable[[int], None], failures: list[BaseException]) -> Callable[[int], None]:
    """Keep what is raised in a thread."""

    def run(seed: int) -> None:
        try:
            work(seed)
        except BaseException as error:
            failures.append(error)

    return run
