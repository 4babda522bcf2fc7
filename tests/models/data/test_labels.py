"""Labels that look alike are one, or are refused with both named."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from triage_models.data.evaluation_rows import read_labelled_rows, resolve_oos_labels
from triage_models.data.labels import LabelMatcher, canonical_label, find_lookalikes, lookalike_key
from triage_models.data.trainable import check_trainable
from triage_models.data.training_rows import TrainingRows, find_oos_label, read_descriptions, read_training_rows
from triage_models.errors import DataError
from triage_models.feedback.answers import Answer
from triage_models.feedback.resolve import resolve_labels

from tests.models.tiny import write_csv

SAME = [
    ("Café", "Cafe\u0301"),
    ("Order status", "Order\xa0status"),
    ("Order status", "Order\nstatus"),
    ("Order status", "Order\r\n status"),
    ("Order status", "Order\u2003status\u3000"),
    ("Order status", "Order \u200bstatus"),
    ("Order status", "\ufeffOrder status\u200e"),
    ("Order status", "Or\xadder status"),
    ("Order status", " Order status\t"),
    ("한국", "한국"),
    ("Order status", "Order\x07 status\x1b"),
    ("Order status", "Order\u2800status\u2800"),
    ("Order status", "Order status\u3164"),
    ("Order status", "\u115fOrder\u180e status\uffa0"),
]
ALIKE = [
    ("WISMO", "wismo"),
    ("Order status", "Order  status"),
    ("Order status", "ORDER_STATUS"),
    ("Order-status", "Order–status"),
    ("Order-status", "Order status"),
    ("Can't pay", "Can’t pay"),
    ("Cafe", "Сafe"),
    ("ABC", "ＡＢＣ"),
    ("office", "oﬃce"),
    ("1", "1.0"),
    ("-3", "-3.00"),
    ("True", "true"),
    ("Straße", "STRASSE"),
    ("Order status", "Order\ufe0f status"),
    ("Order status", "Order status\U000e0041"),
    ("می‌خواهم", "میخواهم"),
]
DIFFERENT = [("1", "-1"), ("1", "1.1"), ("01", "1"), ("A", "A b"), ("Café", "Cafe"), ("C", "C++"), ("a1", "a 1")]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_labels_that_differ_invisibly_are_one(tmp_path: Path, one: str, other: str) -> None:
    file = write_csv(tmp_path / "rows.csv", [("hi", one), ("you", other), ("bye", "B"), ("so long", "B")])
    rows = read_training_rows(file)
    assert rows.labels == [one, one, "B", "B"]
    assert read_labelled_rows(file).labels == rows.labels
    check_trainable(rows, None)
    assert LabelMatcher([one]).find(other) == one
    assert LabelMatcher([other]).find(one) == other  # a bundle of an earlier version may have such a label


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_labels_that_look_alike_are_refused_with_both_named(one: str, other: str) -> None:
    with pytest.raises(DataError) as refused:
        check_trainable(TrainingRows(["a", "b", "c", "d"], [one, one, other, other]), None)
    assert f"'{one}'" in str(refused.value)
    assert f"'{other}'" in str(refused.value)
    assert str(refused.value).endswith(": keep one of them.")


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_a_label_that_looks_like_the_bundles_is_read_as_that_and_reported(tmp_path: Path, one: str, other: str) -> None:
    notes: list[str] = []
    rows = read_labelled_rows(write_csv(tmp_path / "rows.csv", [("hi", other), ("you", other), ("so", "?x")]))
    assert rows.with_labels_of([one, "B"], "OOS", notes.append).labels == [one, one, "?x"]
    assert notes == [f"The label '{other}' (2 rows) looks like '{one}' and is read as that."]


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_other_labels_stay_apart(one: str, other: str) -> None:
    assert find_lookalikes([one, other]) is None
    assert LabelMatcher([one]).find(other) is None


def test_an_exact_label_is_preferred_and_an_ambiguous_likeness_is_none() -> None:
    matcher = LabelMatcher(["A b", "A  b", "C"])
    assert [matcher.find(name) for name in ("A b", "A  b", "a b", "c", "D")] == ["A b", "A  b", None, "C", None]


@given(st.text())
def test_a_canonical_label_is_on_one_line_and_stays_as_it_is(name: str) -> None:
    label = canonical_label(name)
    assert len(label.splitlines()) <= 1
    assert canonical_label(label) == label
    assert lookalike_key(label) == lookalike_key(name)


def test_several_labels_of_a_row_are_matched_one_by_one(tmp_path: Path) -> None:
    rows = read_labelled_rows(write_csv(tmp_path / "rows.csv", [("hi", "wismo| OTHER"), ("you", "A|B"), ("so", "oos")]))
    assert rows.with_labels_of(["WISMO", "OTHER", "A|B"], "none").labels == ["WISMO|OTHER", "A|B", "oos"]


def test_answers_are_matched_with_the_bundles_labels() -> None:
    answers = [Answer("hi", "Cafe\u0301"), Answer("you", "wismo"), Answer("so", "Out_Of_Scope"), Answer("no", "C")]
    resolved = resolve_labels(answers, ["Café", "WISMO"], "OOS")
    assert {one.label for one in [*resolved.human, *resolved.held_out]} == {"Café", "WISMO", "OOS"}
    assert resolved.left_out == {"have a label that the bundle lacks": 1}


def test_the_label_of_the_flag_may_be_decomposed(tmp_path: Path) -> None:
    assert resolve_oos_labels("Anfrage fu\u0308r andere ", None, ["Anfrage für andere"]) == {"Anfrage für andere"}


def test_descriptions_are_matched_with_the_labels(tmp_path: Path) -> None:
    file = write_csv(
        tmp_path / "d.csv", [("wismo", "Where\nis it?"), ("Cafe\u0301", "Coffee.")], ("label", "description")
    )
    assert read_descriptions(file, ["WISMO", "Café"]) == {"WISMO": "Where is it?", "Café": "Coffee."}


@pytest.mark.parametrize("label", ["NA", "None", "n/a", "-", "-1", "@me", "<b>x</b>", "A|B", "[Versand]", "😀"])
def test_odd_labels_are_labels(tmp_path: Path, label: str) -> None:
    file = write_csv(tmp_path / "rows.csv", [("hi", label), ("you", label), ("a", "B"), ("b", "B")])
    rows = read_training_rows(file)
    assert rows.labels == [label, label, "B", "B"]
    notes = check_trainable(rows, None)
    if label in {"NA", "None", "n/a", "-"}:
        assert notes == [
            f"Learned like any other label: {label}. If such rows have no label, name it with --out-of-scope-label, or "
            "remove them."
        ]
    else:
        assert notes == []


def test_labels_that_look_alike_and_that_the_bundle_lacks_are_refused(tmp_path: Path) -> None:
    rows = read_labelled_rows(write_csv(tmp_path / "rows.csv", [("hi", "foo|B"), ("you", "Foo"), ("so", "oos")]))
    with pytest.raises(DataError, match="The labels 'Foo' and 'foo' differ only in case or spacing: keep one of them"):
        rows.with_labels_of(["A", "B"], "OOS")
    assert rows.with_labels_of(["foo", "Foo"], "OOS").labels == rows.labels, "an old bundle may have both"


@pytest.mark.parametrize("name", ["oos", "OOS", "Out of scope", "out_of_scope", "OUT-OF-SCOPE", "Out\xa0of scope"])
def test_out_of_scope_has_its_usual_names_in_any_case_and_spacing(tmp_path: Path, name: str) -> None:
    rows = read_labelled_rows(write_csv(tmp_path / "rows.csv", [("hi", name), ("you", "A")])).with_labels_of("A", None)
    assert resolve_oos_labels(None, None, set(rows.labels)) == {rows.labels[0]}
    assert find_oos_label(rows.labels, None, extra_rows=False) == rows.labels[0]


def test_the_flag_for_out_of_scope_may_look_like_the_label(tmp_path: Path) -> None:
    assert resolve_oos_labels("keine Absicht", "OOS", ["Keine_Absicht", "A"]) == {"Keine_Absicht"}
    assert find_oos_label(["Keine_Absicht", "A"], "keine Absicht", extra_rows=False) == "Keine_Absicht"
    assert find_oos_label(["A"], "Keine ", extra_rows=True) == "Keine"


def test_descriptions_of_unknown_labels_are_reported(tmp_path: Path) -> None:
    rows = [("A", "a."), ("OOS", "none"), ("Z", "z.")]
    file = write_csv(tmp_path / "described.csv", rows, ("label", "description"))
    notes: list[str] = []
    assert read_descriptions(file, ["A"], notes.append) == {"A": "a."}
    assert notes == [f"{file} describes labels that the data lacks: Z."]
