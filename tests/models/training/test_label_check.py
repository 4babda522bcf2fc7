"""Suspect labels of a training: found among rows in training and rows held out."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the [train] extra")

from triage_models.data.training_rows import TrainingRows
from triage_models.errors import DataError
from triage_models.labelling.suspects import Suspect
from triage_models.training.base_model import default_base
from triage_models.training.label_check import check_labels, report_suspects
from triage_models.training.plan import make_plan

from tests.models.tiny import EACH, tiny_rows, write_csv

pytestmark = pytest.mark.train

NONE = np.zeros((0, 5), dtype=np.float32)


def test_a_wrong_label_among_the_training_rows_is_listed_with_its_neighbours(tmp_path: Path) -> None:
    rows = tiny_rows()
    wrong = rows.index(next(row for row in rows if row[1] == "CANCEL_ORDER"))
    rows[wrong] = (rows[wrong][0], "DAMAGED_ITEM")
    plan = make_plan(write_csv(tmp_path / "rows.csv", rows), None, None, None, seed=0)
    found = check_labels(plan, default_base(), NONE, 1.0, seed=0)
    (listed,) = [one for one in found if one.text == rows[wrong][0]]
    assert (listed.label, listed.suggested) == ("DAMAGED_ITEM", "CANCEL_ORDER")
    assert len(listed.neighbours) == 3
    assert rows[wrong][0] not in listed.neighbours
    assert len(found) < EACH


def test_rows_held_out_are_judged_by_the_network_and_triages_own_rows_never(tmp_path: Path) -> None:
    plan = make_plan(
        write_csv(tmp_path / "rows.csv", [row for row in tiny_rows() if row[1] != "OOS"]), None, None, None, 0
    )
    assert plan.synthetic_oos
    held_out = TrainingRows(["my parcel came broken", "good evening"], ["WISMO", plan.oos_label])
    plan = replace(plan, held_out=held_out)
    logits = np.full((2, len(plan.classes)), -4.0, dtype=np.float32)
    logits[:, plan.classes.index("DAMAGED_ITEM")] = 4.0
    found = [one for one in check_labels(plan, default_base(), logits, 1.0, seed=0) if one.text in held_out.texts]
    assert [(one.text, one.suggested) for one in found] == [("my parcel came broken", "DAMAGED_ITEM")]
    assert plan.oos_label not in {one.label for one in found}


def test_the_sentence_names_the_file_and_an_old_file_does_not_stay(tmp_path: Path) -> None:
    file = tmp_path / "suspect_labels.csv"
    one = Suspect(0, "x", "A", "B", 0.9)
    assert report_suspects([one], file) == f"1 row has a label that looks wrong: {file} lists them, the worst first."
    assert report_suspects([one, one], file).startswith("2 rows have labels that look wrong")
    assert file.is_file()
    with pytest.raises(DataError, match=r"The bundle is complete, but .* cannot be written"):
        report_suspects([one], file / "below")
    assert report_suspects([], file) == "No row has a label that looks wrong."
    assert not file.exists()
