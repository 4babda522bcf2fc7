"""What is said about labels, and which of several that look alike is meant."""

import pytest
from triage_models.data.labels import (
    MAX_SHOWN_LABELS,
    LabelMatcher,
    canonical_label,
    describe_difference,
    show_labels,
)


@pytest.mark.parametrize(
    ("first", "second", "difference"),
    [
        ("WISMO", "wismo", "differ only in case or spacing"),
        ("wismo", "WISMO", "differ only in case or spacing"),
        ("Order  status", "order status", "differ only in case or spacing"),
        ("Order-status", "Order status", "differ only in how they are written"),
        ("Cafe", "Сafe", "look alike (the first has U+0043 where the second has U+0421)"),
        ("Сafe", "Cafe", "look alike (the first has U+0421 where the second has U+0043)"),
        ("a-é", "a–é", "look alike (the first has U+002D where the second has U+2013)"),
        ("ABC", "ＡＢＣ", "look alike (the first has U+0041 where the second has U+FF21)"),
        ("Order\ufe0f\ufe0f", "Order", "look alike (the first has U+FE0F where the second has U+0020)"),
        ("Order", "Order\ufe0f\ufe0f", "look alike (the first has U+0020 where the second has U+FE0F)"),
    ],
)
def test_the_difference_of_two_labels_is_named(first: str, second: str, difference: str) -> None:
    assert describe_difference(first, second) == difference


def test_not_too_many_labels_are_listed() -> None:
    labels = [str(number) for number in range(MAX_SHOWN_LABELS + 2)]
    listed = ", ".join(labels[:MAX_SHOWN_LABELS])
    assert show_labels(["a"]) == "a"
    assert show_labels(labels[:MAX_SHOWN_LABELS]) == listed
    assert show_labels(labels) == f"{listed} and 2 more"


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        (" A  b ", "A  b"),
        ("é  b", "é  b"),
        ("é\xa0 b", "é b"),
        ("é\n b", "é b"),
        ("\u200cé\u200d b\u200d", "é\u200d b"),
    ],
)
def test_blanks_that_can_be_seen_are_kept(name: str, canonical: str) -> None:
    assert canonical_label(name) == canonical


def test_the_label_itself_is_meant_before_one_that_looks_like_it() -> None:
    matcher = LabelMatcher(["A b", "A  b", "C\u200b"])
    names = ["A b", "A  b", "A b\u200b", "a b", "C\u200b", "C", "c", "D"]
    assert [matcher.find(name) for name in names] == [
        *("A b", "A  b", "A b", None),
        *("C\u200b", "C\u200b", "C\u200b", None),
    ]
    assert LabelMatcher(["C\u200b", "C"]).find("C\u200b") == "C\u200b"
