"""The choice of messages to label: parts, repetitions, near-duplicates, and what is uncertain."""

from collections import Counter

import numpy as np
from triage_models.labelling.profiles import Profiles
from triage_models.labelling.reservoir import Reservoir
from triage_models.labelling.sampling import choose, near_key, uncertainty
from triage_models.serving.decision import Decision, Floats


def decision(confidence: float) -> Decision:
    return Decision("WISMO", confidence, confidence >= 0.7, None, {"WISMO": confidence}, 0.9, False)


def profiles(vectors: Floats, confidence: list[float]) -> Profiles:
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return Profiles([decision(one) for one in confidence], ["WISMO"] * len(confidence), unit)


def spread(rows: int, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).normal(size=(rows, 64)).astype(np.float32)


def test_the_random_part_is_a_beginning_of_the_pool_and_repetitions_are_counted() -> None:
    texts = ["Where is it?", "cancel", "where  is it?", "exchange", *(f"word{'x' * number}" for number in range(20))]
    drawn = choose(texts, profiles(spread(24), [0.9] * 24), 0.7, rows=8)
    random = [one for one in drawn if one.part == "random"]
    assert [(one.row, one.count) for one in random] == [(0, 2), (1, 1), (3, 1)]
    assert len(drawn) == 8
    assert Counter(one.part for one in drawn) == {"random": 3, "uncertain": 2, "diverse": 3}


def test_near_duplicates_are_chosen_once_with_a_count() -> None:
    texts = ["a", "b", *(f"order {number} is late!" for number in range(10)), *(f"t{'y' * n}" for n in range(10))]
    confidence = [0.99] * 2 + [0.7] * 10 + [0.2] * 10
    drawn = choose(texts, profiles(spread(22), confidence), 0.7, rows=4)
    assert [(one.row, one.part, one.count) for one in drawn if one.part == "uncertain"] == [(2, "uncertain", 10)]
    assert near_key("Order 12 is late.") == near_key("order 9876  is LATE")


def test_words_that_differ_in_their_marks_are_no_near_duplicates() -> None:
    assert near_key("पैसे दे दो") != near_key("पासा दी दू")  # the vowels are marks
    assert near_key("ไม่ได้") != near_key("ไมได")
    assert near_key("पैसे, दे दो!") == near_key("पैसे  दे दो 😀")
    assert near_key("ब\u200dस 12") == near_key("बस 7")
    assert near_key("can_cel: order_1") == near_key("can cel order 22")
    assert near_key("love it ❤\ufe0f") == near_key("love it")
    assert near_key("😀") == "😀"


def test_messages_with_almost_the_same_vector_are_not_both_chosen() -> None:
    vectors = spread(12)
    vectors[3] = vectors[2] * 1.001
    drawn = choose([f"text {'z' * n}" for n in range(12)], profiles(vectors, [0.7] * 12), 0.7, rows=12)
    assert not {2, 3} <= {one.row for one in drawn if one.part != "random"}


def test_the_diverse_part_takes_what_is_remote_from_everything_chosen() -> None:
    vectors = np.tile(spread(1), (40, 1)) + 0.3 * spread(40, seed=1)
    vectors[37] = -5 * vectors[0]
    drawn = choose([f"text {'z' * n}" for n in range(40)], profiles(vectors, [0.99] * 40), 0.7, rows=10)
    assert next(one.row for one in drawn if one.part == "diverse") == 37


def test_uncertain_is_near_the_threshold_or_contradicted_by_neighbours() -> None:
    found = uncertainty(
        Profiles([decision(0.71), decision(0.99), decision(0.99)], ["WISMO", "WISMO", "OTHER"], spread(3)), 0.7
    )
    assert found[0] > found[2] > found[1]


def test_uncertain_is_near_the_threshold_that_counts_for_the_intent() -> None:
    vectors, confidence = spread(40), [0.7] * 20 + [0.95] * 20
    found = profiles(vectors, confidence)
    assert uncertainty(found, 0.7)[0] > uncertainty(found, 0.7)[20]
    strict = {"WISMO": 0.95, "OTHER": 0.7}
    assert uncertainty(found, 0.7, strict)[0] < uncertainty(found, 0.7, strict)[20]
    drawn = choose([f"text {'z' * n}" for n in range(40)], found, 0.7, 10, strict)
    assert all(one.row >= 20 for one in drawn if one.part == "uncertain")


def test_a_small_pool_is_drawn_as_a_whole() -> None:
    drawn = choose(["one", "two"], profiles(spread(2), [0.9, 0.9]), 0.7, rows=100)
    assert [one.row for one in drawn] == [0, 1]


def test_the_reservoir_is_a_uniform_sample_whatever_the_order() -> None:
    counts: Counter[int] = Counter()
    for seed in range(400):
        reservoir = Reservoir[int](10, seed)
        for number in range(100):
            reservoir.add(number)
        counts.update(reservoir.shuffled())
    assert reservoir.seen == 100
    assert counts.total() == 4000
    halves = sum(counts[number] for number in range(50))
    assert abs(halves - 2000) < 150  # 5 standard deviations
    assert min(counts.values()) > 10


def test_each_beginning_of_the_shuffled_reservoir_is_uniform_too() -> None:
    early = 0
    for seed in range(400):
        reservoir = Reservoir[int](100, seed)
        for number in range(100):
            reservoir.add(number)
        early += sum(number < 50 for number in reservoir.shuffled()[:10])
    assert abs(early - 2000) < 160
