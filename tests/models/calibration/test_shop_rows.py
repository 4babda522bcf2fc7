"""What a shop's rows may say: repeated texts, their labels, and what `triage sample` wrote."""

from pathlib import Path

import pytest
from triage_models import DEFAULT_BUNDLE
from triage_models.bundle.bundle import Bundle
from triage_models.calibration.bundle_calibration import fit_to_rows
from triage_models.calibration.limits import ErrorLimits
from triage_models.calibration.shop_rows import ShopRows, read_shop_rows, run_model
from triage_models.calibration.thresholds import ChosenThresholds
from triage_models.data.corpus import read_messages
from triage_models.errors import DataError

from tests.models.serving.shipped import FIRST_ROWS, shipped_classifier
from tests.models.tiny import write_csv

MANIFEST = Bundle.open(DEFAULT_BUNDLE, verify=False).manifest
LABELS = MANIFEST.labels


def read(file: Path, notes: list[str] | None = None) -> ShopRows:
    return read_shop_rows(file, LABELS, "OOS", None, (notes if notes is not None else []).append)


def chosen(rows: ShopRows) -> ChosenThresholds:
    modelled = run_model(shipped_classifier(), rows, "rows")
    return fit_to_rows(modelled, MANIFEST, ErrorLimits(0.05, 0.2, {}), seed=0)[1]


def right_rows(count: int) -> list[tuple[str, str]]:
    """Return rows that the shipped bundle accepts and answers as labelled."""
    messages = [message for message in read_messages()[:FIRST_ROWS:20] if message.label in LABELS]
    decisions = shipped_classifier().classify([message.text for message in messages])
    pairs = zip(messages, decisions, strict=True)
    return [(one.text, one.label) for one, found in pairs if found.accepted and found.intent == one.label][:count]


def test_a_text_with_different_labels_is_wrong_by_each_in_any_order(tmp_path: Path) -> None:
    rows = right_rows(180)
    assert len(rows) == 180
    others = [(text.upper(), "OTHER" if label != "OTHER" else "WISMO") for text, label in rows[:20]]
    assert chosen(read(write_csv(tmp_path / "own.csv", rows))).thresholds.guarantee.certified
    for order in ([*rows, *others], [*others, *rows]):
        notes: list[str] = []
        shop = read(write_csv(tmp_path / "own.csv", order), notes)
        assert (len(shop), sum(shop.counts)) == (180, 200)
        data = run_model(shipped_classifier(), shop, "rows").data
        assert int((~data.correct(len(LABELS))).sum()) == 20
        assert not chosen(shop).thresholds.guarantee.certified
        assert any("20 texts have different labels, one of them (" in note for note in notes)
        assert not any("which counts" in note for note in notes)


def test_the_note_shows_the_text_that_most_messages_have(tmp_path: Path) -> None:
    notes: list[str] = []
    text = "where is my  parcel " + "please " * 20
    read(write_csv(tmp_path / "own.csv", [(text, "WISMO"), ("thanks", "OTHER"), (text, "OTHER")]), notes)
    shown = ("where is my parcel " + "please " * 20)[:60]
    assert f"1 text has different labels (OTHER, WISMO): '{shown}…'; all its messages count as wrong." in notes[-1]


def test_an_answer_that_fits_all_labels_of_a_text_is_right(tmp_path: Path) -> None:
    notes: list[str] = []
    text = "where is my parcel"
    rows = [(text, "WISMO|OTHER"), (text, "WISMO"), ("hello there", "OOS"), ("hello there", "out of scope")]
    shop = read(write_csv(tmp_path / "own.csv", rows), notes)
    data = run_model(shipped_classifier(), shop, "rows").data
    assert data.correct(len(LABELS)).tolist() == [True, False]
    assert data.is_in_scope(len(LABELS)).tolist() == [True, False]
    assert not any("different labels" in note for note in notes)
    shop = read(write_csv(tmp_path / "own.csv", [(text, "WISMO|OTHER"), (text, "OTHER")]))
    assert not run_model(shipped_classifier(), shop, "rows").data.correct(len(LABELS)).any()


def test_a_file_of_many_texts_with_different_labels_is_refused_in_any_order(tmp_path: Path) -> None:
    rows = [(f"where is parcel {number}", "WISMO") for number in range(21)]
    others = [(text, "OTHER") for text, _ in rows]
    for order in ([*rows, *others], [*others, *rows]):
        with pytest.raises(DataError, match=r"21 of 21 texts have different labels, .* \(OTHER, WISMO\): 'where is"):
            read(write_csv(tmp_path / "own.csv", order))


@pytest.mark.parametrize("random", ["Random", " RANDOM ", "random"])
def test_parts_are_read_in_any_case(tmp_path: Path, random: str) -> None:
    lines = [f"hello,OOS,{random},3", "uh what,OTHER,Uncertain,9", "cancel it,OTHER,random,2"]
    (tmp_path / "own.csv").write_text("\n".join(["text,label,part,count", *lines]))
    shop = read(tmp_path / "own.csv")
    assert (shop.texts, shop.counts) == (["hello", "cancel it"], [3, 2])


def test_a_part_that_is_none_among_others_is_named_with_its_line(tmp_path: Path) -> None:
    lines = ["hello,OOS,random,3", '"uh\nwhat",OTHER,uncertain,9', "a row,OTHER,Mine,1", "more,OTHER,yours,1"]
    (tmp_path / "own.csv").write_text("\n".join(["text,label,part,count", *lines]))
    with pytest.raises(DataError, match=r"own\.csv has 'Mine' in the column part in line 5"):
        read(tmp_path / "own.csv")


@pytest.mark.parametrize("count", ["1,000", "1.000", "2,5", "1e3", "+2", "1 000", "٣", "1000001", "9" * 5000])
def test_a_count_that_may_mean_another_number_is_named_with_its_line(tmp_path: Path, count: str) -> None:
    rows = [("thanks", "OTHER", "uncertain", "7"), ("hello", "OOS", "random", count)]
    file = write_csv(tmp_path / "own.csv", rows, ("text", "label", "part", "count"))
    with pytest.raises(DataError) as refused:
        read(file)
    assert f"has '{count}' in the column count in line 3" in str(refused.value)


@pytest.mark.parametrize(("count", "number"), [("12", 12), ("2.0", 2), ("2,00", 2), ("1000000", 1000000), ("", 1)])
def test_a_count_may_end_in_zeros_behind_the_point(tmp_path: Path, count: str, number: int) -> None:
    file = write_csv(tmp_path / "own.csv", [("hello", "OOS", "random", count)], ("text", "label", "part", "count"))
    assert read(file).counts == [number]
