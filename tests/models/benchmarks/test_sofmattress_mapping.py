"""Mapping SOFMattress to the nine intents: which rows are used, and with which label."""

from pathlib import Path

import pytest
from triage_models.benchmarks.sofmattress_mapping import write_mapped
from triage_models.data.evaluation_rows import read_labelled_rows
from triage_models.errors import DataError


def shop(folder: Path) -> Path:
    files = {
        "v2_train.csv": "text,label\nwhere is it,ORDER_STATUS\n110001,CHECK_PINCODE\n",
        "v2_test.csv": "text,label\nhi,NO_NODES_DETECTED\nwhich size,NO_NODES_DETECTED\nhm,NO_NODES_DETECTED\n",
        "nine_intents.csv": "label,accepted\nORDER_STATUS,WISMO\nCHECK_PINCODE,WISMO|OTHER\n",
        "no_nodes_nine_intents.csv": "text,accepted\nhi,NONE\nwhich size,PRODUCT_QUESTION\n",
    }
    for name, content in files.items():
        (folder / name).write_text(content, encoding="utf-8")
    return folder


def test_rows_are_mapped_by_label_or_relabelled_by_text_and_unclear_ones_left_out(tmp_path: Path) -> None:
    rows = read_labelled_rows(write_mapped(shop(tmp_path), tmp_path / "out" / "mapped.csv"))
    assert list(zip(rows.texts, rows.labels, strict=True)) == [
        ("where is it", "WISMO"),
        ("110001", "WISMO|OTHER"),
        ("hi", "OOS"),
        ("which size", "PRODUCT_QUESTION"),
    ]


def test_a_label_without_a_mapping_is_an_error(tmp_path: Path) -> None:
    shop(tmp_path)
    (tmp_path / "nine_intents.csv").write_text("label,accepted\nORDER_STATUS,WISMO\n", encoding="utf-8")
    with pytest.raises(DataError, match="does not say which intent 'CHECK_PINCODE' is"):
        write_mapped(tmp_path, tmp_path / "mapped.csv")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    shop(tmp_path)
    (tmp_path / "no_nodes_nine_intents.csv").unlink()
    with pytest.raises(DataError, match=r"no_nodes_nine_intents\.csv"):
        write_mapped(tmp_path, tmp_path / "mapped.csv")
