"""`triage calibrate` without its command line: rows in, a whole bundle out."""

import csv
import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from triage_models import DEFAULT_BUNDLE, Classifier
from triage_models.bundle.accepted_rows import expand
from triage_models.bundle.bundle import MANIFEST, Bundle, sha256
from triage_models.calibration import calibrate
from triage_models.calibration.attempts import CALIBRATED, with_earlier
from triage_models.calibration.shop_rows import read_shop_rows, run_model
from triage_models.data.corpus import read_messages
from triage_models.data.row_sketch import ROW_SKETCH, sketch
from triage_models.errors import DataError

from tests.models.fake_bundles import variant
from tests.models.serving.shipped import FIRST_ROWS, shipped_classifier
from tests.models.tiny import write_csv

ROWS = [(message.text, message.label) for message in read_messages()[:FIRST_ROWS:40]]
SHIPPED = Bundle.open(DEFAULT_BUNDLE, verify=False).manifest


def calibrated(folder: Path, rows: list[tuple[str, str]], **options: Any) -> dict[str, Any]:
    bundle = options.pop("bundle", None) or variant(folder / "before", "1")
    return calibrate(write_csv(folder / "own.csv", rows), folder / "after", bundle, device="cpu", **options)


def test_the_result_is_a_whole_bundle_that_says_where_it_comes_from(tmp_path: Path) -> None:
    result = calibrated(tmp_path, ROWS)
    classifier = Classifier.open(tmp_path / "after", device="cpu")
    manifest = classifier.bundle.manifest
    assert (manifest.name, result["bundle"]["version"]) == ("after", manifest.version)
    assert manifest.version != "1"
    assert manifest.files == Bundle.open(tmp_path / "before").manifest.files
    assert (manifest.labels, manifest.golden) == (
        SHIPPED.labels,
        {"model.int8.onnx": SHIPPED.golden["model.int8.onnx"]},
    )
    record = manifest.training[CALIBRATED]
    assert record["from"] == {"name": "ecommerce", "version": "1"}
    assert (record["data"], record["data_sha256"]) == ("own.csv", sha256(tmp_path / "own.csv"))
    assert manifest.training["rows"] == SHIPPED.training["rows"]
    assert manifest.metrics["measured_on"] == manifest.calibration.fitted_on == f"{record['rows']:,} rows of own.csv"
    assert manifest.calibration.temperature == SHIPPED.calibration.temperature
    assert manifest.thresholds.familiarity == SHIPPED.thresholds.familiarity
    card = (tmp_path / "after" / "README.md").read_text(encoding="utf-8")
    assert "fitted to `own.csv`" in card
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".after")] == []


def test_the_figures_are_those_of_the_bundle_that_was_written(tmp_path: Path) -> None:
    result = calibrated(tmp_path, ROWS, max_error=0.015)
    assert result["guaranteed"] is True
    assert (result["max_error"], result["rows_needed"], result["attainable"]) == (0.015, 0, True)
    classifier = Classifier.open(tmp_path / "after", device="cpu")
    rows = read_shop_rows(tmp_path / "own.csv", SHIPPED.labels, "OOS", None, lambda note: None)
    decisions = classifier.classify(rows.texts)
    accepted = [decision.accepted for decision in decisions]
    assert sum(accepted) == result["accepted_rows"]
    inside = [label != "OOS" for label in rows.labels]
    covered = sum(one and two for one, two in zip(accepted, inside, strict=True)) / sum(inside)
    assert covered == pytest.approx(result["coverage"])
    wrong = sum(
        decision.accepted and decision.intent not in label.split("|")
        for decision, label in zip(decisions, rows.labels, strict=True)
    )
    assert wrong == result["errors"]
    cells = classifier.bundle.manifest.accepted_rows
    assert cells is not None
    assert (sum(cell.rows for cell in cells), sum(cell.errors for cell in cells)) == (sum(accepted), wrong)
    predicted = Counter(decision.intent for decision in decisions if decision.accepted)
    assert Counter(SHIPPED.labels[intent] for intent in expand(cells).intent) == predicted
    assert result["upper_bound"] <= 0.015
    suggested = [decision for decision in decisions if decision.suggested]
    assert suggested
    assert not any(decision.accepted for decision in suggested)
    assert all(decision.confidence >= result["suggest"]["threshold"] for decision in suggested)


def test_too_few_rows_promise_nothing_and_say_how_many_more_would(tmp_path: Path) -> None:
    result = calibrated(tmp_path, ROWS[:25])
    assert result["guaranteed"] is False
    assert result["rows_needed"] >= 34
    after = Bundle.open(tmp_path / "after").manifest
    assert not after.thresholds.guarantee.certified
    before = shipped_classifier().classify([text for text, _ in ROWS])
    accepted = {text for (text, _), one in zip(ROWS, before, strict=True) if one.accepted}
    now = Classifier.open(tmp_path / "after", device="cpu").classify([text for text, _ in ROWS])
    assert {text for (text, _), one in zip(ROWS, now, strict=True) if one.accepted} <= accepted


def test_the_same_rows_give_the_same_bundle(tmp_path: Path) -> None:
    first, second = calibrated(tmp_path, ROWS[:60]), calibrated(tmp_path, ROWS[:60], bundle=tmp_path / "before")
    assert first == second
    other = calibrated(tmp_path, ROWS[:60], bundle=tmp_path / "before", max_error=0.03)
    assert other["bundle"]["version"] != first["bundle"]["version"]


def test_a_bundle_can_be_calibrated_in_its_own_place(tmp_path: Path) -> None:
    bundle = variant(tmp_path / "after", "1")
    calibrated(tmp_path, ROWS[:60], bundle=bundle)
    assert Classifier.open(bundle, device="cpu").bundle.version != "1"


def test_intents_with_a_limit_of_their_own_need_more_confidence(tmp_path: Path) -> None:
    result = calibrated(tmp_path, ROWS, max_error_for={"wismo": 0.01})
    own = result["by_intent"]["WISMO"]
    assert own["threshold"] >= result["threshold"]
    stored = json.loads((tmp_path / "after" / MANIFEST).read_text())["thresholds"]["by_intent"]
    assert stored["WISMO"]["confidence"] == own["threshold"]
    decisions = Classifier.open(tmp_path / "after", device="cpu").classify([text for text, _ in ROWS])
    of_it = [one for one in decisions if one.accepted and one.intent == "WISMO"]
    assert all(one.confidence >= own["threshold"] for one in of_it)
    assert "WISMO needs a confidence of" in (tmp_path / "after" / "README.md").read_text(encoding="utf-8")


def test_labels_that_the_bundle_does_not_know_are_named(tmp_path: Path) -> None:
    rows = [*ROWS[:30], ("when do you open", "OPENING_HOURS"), ("are you open", "OPENING_HOURS")]
    with pytest.raises(DataError, match=r"does not know: OPENING_HOURS \(2 of 32 rows\)"):
        calibrated(tmp_path, rows)
    assert not (tmp_path / "after").exists()


def test_rows_that_the_bundle_was_trained_on_say_nothing(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "own.csv", ROWS[:30])
    bundle = variant(tmp_path / "before", "1", training={**SHIPPED.training, "data_sha256": sha256(file)})
    with pytest.raises(DataError, match="was trained on"):
        calibrated(tmp_path, ROWS[:30], bundle=bundle)


def test_rows_that_the_bundle_was_calibrated_to_are_not_used_again(tmp_path: Path) -> None:
    calibrated(tmp_path, ROWS[:60])
    with pytest.raises(DataError, match=r"calibrated to .*own\.csv already: .* comes from, ecommerce 1\."):
        calibrated(tmp_path, ROWS[:60], bundle=tmp_path / "after")
    calibrated(tmp_path, ROWS[:70], bundle=tmp_path / "after")


def test_rows_are_known_again_in_another_file_and_order(tmp_path: Path) -> None:
    notes: list[str] = []

    def on_note(note: str, share: float) -> None:
        notes.append(note)

    calibrated(tmp_path, ROWS[:60], progress=on_note)
    assert not any("already" in note for note in notes)
    bundle = (tmp_path / "after").rename(tmp_path / "first")
    shuffled = [(f" {text.upper()} ", label) for text, label in reversed(ROWS[:60])]
    with pytest.raises(DataError, match=r"already \(its rows are all among those of own\.csv\): .*, ecommerce 1\."):
        calibrated(tmp_path, [*shuffled, shuffled[0]], bundle=bundle)
    calibrated(tmp_path, ROWS[30:90], bundle=bundle, progress=on_note)
    assert any("calibrated to 50% of these rows already" in note for note in notes)
    notes.clear()
    calibrated(tmp_path, ROWS[60:120], bundle=bundle, progress=on_note)
    assert not any("already" in note or "trained on" in note for note in notes)


def test_rows_of_the_training_data_are_known_again_in_another_file(tmp_path: Path) -> None:
    notes: list[str] = []
    known = sketch(text for text, _ in ROWS[:40])
    bundle = variant(tmp_path / "before", "1", training={**SHIPPED.training, ROW_SKETCH: known})
    calibrated(tmp_path, ROWS[20:60], bundle=bundle, progress=lambda note, share: notes.append(note))
    assert any("was trained on 50% of these rows" in note for note in notes)


def test_earlier_calibrations_of_the_same_network_are_counted(tmp_path: Path) -> None:
    before = variant(tmp_path / "before", "1")
    counted = [
        calibrated(tmp_path, ROWS[:rows], bundle=before, max_error=limit)["earlier_calibrations"]
        for rows, limit in ((40, 0.05), (50, 0.05), (50, 0.05), (50, 0.04), (40, 0.05))
    ]
    assert counted == [0, 1, 1, 2, 2], "the same rows with the same limit are no further chance"
    after = Bundle.open(tmp_path / "after").manifest
    assert len(after.training[CALIBRATED]["earlier"]) == 2
    goes_on = calibrate(write_csv(tmp_path / "own.csv", ROWS[:60]), tmp_path / "next", tmp_path / "after", device="cpu")
    assert goes_on["earlier_calibrations"] == 3


def test_calibrations_of_another_network_do_not_count() -> None:
    old = SHIPPED.model_copy(update={"training": {CALIBRATED: {}}, "version": "2026.01.01-a"})
    new = SHIPPED.model_copy(update={"training": {CALIBRATED: {}}, "version": "2026.01.02-b"})
    assert with_earlier(new, [old]).training[CALIBRATED] == {"earlier": ["2026.01.01-a"]}
    assert with_earlier(new, [SHIPPED]).training[CALIBRATED] == {"earlier": []}, "trained, not calibrated"
    other = old.model_copy(update={"files": {**old.files, "model.int8.onnx": "0"}})
    assert with_earlier(new, [other]).training[CALIBRATED] == {"earlier": []}


def test_a_label_that_the_bundle_does_not_know_is_named_also_where_another_one_is_right(tmp_path: Path) -> None:
    rows = [*ROWS[:30], ("when do you open", "OTHER|OPENING_HOURS")]
    with pytest.raises(DataError, match=r"does not know: OPENING_HOURS \(1 of 31 rows\)"):
        calibrated(tmp_path, rows)


def test_out_of_scope_among_several_labels_is_known(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "own.csv", [("where is my parcel", "WISMO|OOS"), ("thanks", "OOS|OTHER")])
    rows = read_shop_rows(file, SHIPPED.labels, "OOS", None, lambda note: None)
    data = run_model(shipped_classifier(), rows, "two rows").data
    assert data.is_in_scope(len(SHIPPED.labels)).tolist() == [True, False]


def test_of_a_drawn_sample_only_the_random_part_counts(tmp_path: Path) -> None:
    file, notes = tmp_path / "label.csv", list[str]()
    lines = [
        "where is my parcel,WISMO,random",
        "uh what,OTHER,uncertain",
        "hello,OOS,diverse",
        "cancel it,OTHER,random",
    ]
    file.write_text("\n".join(["text,label,part", *lines]))
    rows = read_shop_rows(file, SHIPPED.labels, "OOS", None, notes.append)
    assert rows.texts == ["where is my parcel", "cancel it"]
    assert any("2 rows were left out, which were not drawn at random" in note for note in notes)
    file.write_text("\n".join(["text,label,part", *lines[1:3]]))
    with pytest.raises(DataError, match="no row with the part random"):
        read_shop_rows(file, SHIPPED.labels, "OOS", None, notes.append)
    file.write_text("text,label,part\nwhere is my parcel,WISMO,saddle\nit broke,DAMAGED_ITEM,wheel\n")
    assert len(read_shop_rows(file, SHIPPED.labels, "OOS", None, notes.append)) == 2, "a column of the shop's own"


@pytest.mark.parametrize("part", ["uncertain", "diverse"])
def test_a_file_of_a_single_part_that_is_not_random_is_refused(tmp_path: Path, part: str) -> None:
    (tmp_path / "label.csv").write_text(f"text,label,Part\nwhere is my parcel,WISMO,{part}\nuh what,OTHER,{part}\n")
    with pytest.raises(DataError, match="no row with the part random"):
        read_shop_rows(tmp_path / "label.csv", SHIPPED.labels, "OOS", None, lambda note: None)


def test_a_row_that_was_added_to_a_drawn_sample_was_not_drawn_at_random(tmp_path: Path) -> None:
    lines = ["where is my parcel,WISMO,random", "uh what,OTHER,uncertain", "a row of my own,OTHER,"]
    (tmp_path / "label.csv").write_text("\n".join(["text,label,part", *lines]))
    rows = read_shop_rows(tmp_path / "label.csv", SHIPPED.labels, "OOS", None, lambda note: None)
    assert rows.texts == ["where is my parcel"]


def test_counts_are_those_of_the_random_part_and_repeated_texts_add_up(tmp_path: Path) -> None:
    file = tmp_path / "label.csv"
    lines = ["hello,OOS,random,3", "Hello ,OOS,random,2.0", "cancel it,OTHER,random,", "uh what,OTHER,uncertain,9"]
    file.write_text("\n".join(["text,label,part,Count", *lines]))
    rows = read_shop_rows(file, SHIPPED.labels, "OOS", None, lambda note: None)
    assert dict(zip(rows.texts, rows.counts, strict=True)) == {"hello": 5, "cancel it": 1}
    file.write_text("text,label,count\nhello,OOS,words\nhello,OOS,7\n")  # a column of the shop's own
    assert read_shop_rows(file, SHIPPED.labels, "OOS", None, lambda note: None).counts == [2]
    many = [f"number {count},OOS,random,{count}" for count in range(1, 60)]  # more values than a slice may have
    file.write_text("\n".join(["text,label,part,count", *many]))
    assert read_shop_rows(file, SHIPPED.labels, "OOS", None, lambda note: None).counts == list(range(1, 60))


@pytest.mark.parametrize("count", ["0", "-1", "1.5", "nan", "inf", "many", "1e300"])
def test_a_count_that_is_none_is_named(tmp_path: Path, count: str) -> None:
    (tmp_path / "label.csv").write_text(f"text,label,part,count\nhello,OOS,random,{count}\nhi,OOS,random,1\n")
    with pytest.raises(DataError, match=f"label.csv has '{count}' in the column count"):
        read_shop_rows(tmp_path / "label.csv", SHIPPED.labels, "OOS", None, lambda note: None)


def test_a_frequent_text_that_is_accepted_wrongly_breaks_the_guarantee_about_messages(tmp_path: Path) -> None:
    texts = [(text, label) for text, label in ROWS if label != "OOS"][:150]
    once = calibrated(tmp_path, texts)
    assert once["guaranteed"]
    assert once["messages"] == {"rows": 150, "accepted": once["accepted_rows"], "errors": once["errors"]}
    accepted = Classifier.open(tmp_path / "after", device="cpu").classify([text for text, _ in texts])
    surest = max(range(150), key=lambda row: accepted[row].confidence)
    wrong = next(label for label in SHIPPED.labels if label not in texts[surest][1].split("|"))
    with (tmp_path / "own.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["text", "label", "part", "count"])
        for row, (text, label) in enumerate(texts):
            table.writerow([text, *((wrong, "random", 25) if row == surest else (label, "random", 1))])
    often = calibrate(tmp_path / "own.csv", tmp_path / "after", tmp_path / "before", device="cpu")
    assert often["messages"]["rows"] == 174
    assert not often["guaranteed"]
    assert often["upper_bound"] > 0.05
    assert often["rows_needed"] > 0


def test_out_of_scope_rows_and_rows_with_several_labels_count_as_when_evaluating(tmp_path: Path) -> None:
    file = write_csv(
        tmp_path / "own.csv",
        [("where is my parcel", "OTHER|WISMO"), ("hello there", "none"), ("where is my parcel?", "CANCEL_ORDER")],
    )
    rows = read_shop_rows(file, SHIPPED.labels, "OOS", "none", lambda note: None)
    data = run_model(shipped_classifier(), rows, "three rows").data
    count = len(SHIPPED.labels)
    assert data.correct(count).tolist() == [True, False, False]
    assert data.is_in_scope(count).tolist() == [True, False, True]


def test_a_long_text_is_judged_by_the_window_that_decides_it(tmp_path: Path) -> None:
    story = "where is my parcel, it should have come a week ago. " * 12
    file = write_csv(
        tmp_path / "own.csv",
        [
            (story, "WISMO"),
            (story + "please cancel my other order now", "WISMO"),
            ("where is my parcel " * 900, "WISMO"),
            ("Automatic reply: where is my parcel\n\nI am out of the office until Monday.", "OOS"),
        ],
    )
    rows = read_shop_rows(file, SHIPPED.labels, "OOS", None, lambda note: None)
    found = run_model(shipped_classifier(), rows, "long rows")
    decisions = shipped_classifier().classify(rows.texts)
    assert [one.accepted for one in decisions] == [True, False, False, False]
    assert found.readable.tolist() == [True, False, False, False]


def test_repeated_texts_are_dropped_and_json_lines_are_read(tmp_path: Path) -> None:
    file = tmp_path / "own.jsonl"
    lines = [{"text": "where is my parcel", "label": "WISMO"}, {"text": "Where is my  parcel", "label": "WISMO"}]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    notes: list[str] = []
    assert len(read_shop_rows(file, SHIPPED.labels, "OOS", None, notes.append)) == 1
    assert any("1 repeated texts were dropped" in note for note in notes)


def test_an_interrupted_training_of_the_same_bundle_can_still_continue(tmp_path: Path) -> None:
    checkpoint = tmp_path / ".after.partial" / "checkpoint.pt"
    checkpoint.parent.mkdir()
    checkpoint.write_bytes(b"hours of work")
    calibrated(tmp_path, ROWS[:30])
    assert checkpoint.read_bytes() == b"hours of work"
    assert not (tmp_path / ".after.calibrated").exists()


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "after").mkdir()
    (tmp_path / "after" / "notes.txt").write_text("mine")
    with pytest.raises(DataError, match="holds other files"):
        calibrated(tmp_path, ROWS[:30])
    assert (tmp_path / "after" / "notes.txt").read_text() == "mine"


def test_a_damaged_bundle_is_not_calibrated_and_nothing_is_written(tmp_path: Path) -> None:
    bundle = variant(tmp_path / "before", "1")
    shutil.copyfile(bundle / "config.json", bundle / "tokenizer.json")
    with pytest.raises(Exception, match=r"tokenizer\.json"):
        calibrated(tmp_path, ROWS[:30], bundle=bundle)
    assert not (tmp_path / "after").exists()


def test_it_needs_neither_torch_nor_scipy(tmp_path: Path) -> None:
    write_csv(tmp_path / "own.csv", ROWS[:70])
    bundle = variant(tmp_path / "before", "1")
    program = f"""
import sys
for name in ("torch", "scipy", "sklearn", "transformers", "onnx"):
    sys.modules[name] = None
from pathlib import Path
from triage_models.calibration import calibrate
calibrate(Path({str(tmp_path / "own.csv")!r}), Path({str(tmp_path / "after")!r}), Path({str(bundle)!r}), device="cpu")
"""
    subprocess.run([sys.executable, "-c", program], check=True)
    assert Bundle.open(tmp_path / "after").version != "1"
