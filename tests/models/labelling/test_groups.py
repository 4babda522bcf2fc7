"""Names, examples and overlaps of groups."""

import numpy as np
from triage_models.data.labels import lookalike_key
from triage_models.labelling.groups import (
    describe_groups,
    label_name,
    overlaps,
    specific_words,
    unique_names,
)

TEXTS = [
    *["where is my parcel", "where is the parcel now", "parcel is late"],
    *["cancel my order please", "please cancel the order", "cancel it"],
    "hello",
]
GROUPS = np.array([0, 0, 0, 1, 1, 1, -1])


def test_names_are_made_of_words_that_are_frequent_in_a_group_and_rare_elsewhere() -> None:
    words = specific_words(TEXTS, GROUPS, 2)
    assert words[0][0] == "parcel"
    assert words[1][0] == "cancel"
    assert "hello" not in words[0] + words[1]


def test_words_are_whole_in_scripts_that_write_vowels_as_marks() -> None:
    texts = ["मेरा ऑर्डर कहाँ है", "ऑर्डर कब आएगा", "पैसे वापस करो", "पैसे कब वापस आएंगे"]
    words = specific_words(texts, np.array([0, 0, 1, 1]), 2)
    assert words[0] == ["ऑर्डर"]
    assert set(words[1]) == {"पैसे", "वापस"}


def test_groups_have_unique_names_typical_members_first_and_different_examples() -> None:
    texts = ["refund", "refund", "refund now", "refund", "refund it", "refund again"]
    numbers = np.array([0, 0, 0, 1, 1, 1])
    vectors = np.eye(6, dtype=np.float32)
    typicality = np.array([0.1, 0.9, 0.5, 0.3, 0.2, 0.1], dtype=np.float32)
    first, second = describe_groups(texts, numbers, vectors, typicality)
    assert first.rows == (1, 2, 0)
    assert first.examples == ("refund", "refund now")
    assert first.name != second.name


def test_a_name_is_written_in_one_way_wherever_it_comes_from() -> None:
    assert label_name(" where is  it? ") == label_name("where_is-it") == "WHERE_IS_IT"
    assert label_name("पैसे वापस") == "पैसे_वापस"
    assert label_name("x" * 59 + " y") == "X" * 59
    assert [label_name(none) for none in ("?!", "", "OOS", "out of scope", "NaN", "none")] == [""] * 6
    texts = ["refund it", "refund it now", "refund it all", "cancel it", "please cancel it", "cancel all"]
    vectors, typicality = np.eye(6, dtype=np.float32), np.ones(6, dtype=np.float32)
    groups = describe_groups(texts, np.array([0, 0, 0, 1, 1, 1]), vectors, typicality)
    assert [group.name for group in groups] == ["REFUND", "CANCEL"]


def test_names_that_look_alike_get_numbers_and_no_number_is_there_twice() -> None:
    assert unique_names(["A", "A", "A_2", "A"]) == ["A", "A_2", "A_2_2", "A_3"]
    found = unique_names(["REFUND MONEY", "REFUND_MONEY", "refund-money", "REFUND"])
    assert len({lookalike_key(name) for name in found}) == 4


def test_groups_that_are_each_others_neighbours_overlap() -> None:
    random = np.random.default_rng(0)
    near = np.array([1.0, 0, 0]) + 0.05 * random.normal(size=(20, 3))
    far = np.array([0, 0, 1.0]) + 0.05 * random.normal(size=(10, 3))
    vectors = np.concatenate([near, far]).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    groups = np.array([0, 1] * 10 + [2] * 10)
    assert overlaps(vectors, groups, 3) == [[1], [0], []]


def test_no_group_at_all_is_no_error() -> None:
    assert (
        describe_groups(["a"], np.array([-1]), np.ones((1, 2), dtype=np.float32), np.zeros(1, dtype=np.float32)) == []
    )
