"""A bundle's card says what ``triage.json`` says, in words."""

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="needs the [train] extra")

from triage_models.bundle.bundle import Bundle
from triage_models.bundle.manifest import Manifest
from triage_models.training.card import CARD, card

from tests.models.samples import manifest


def told(*, certified: bool = True, **metrics: Any) -> Manifest:
    """A manifest with all that a card reads."""
    found: dict[str, Any] = {
        "measured_on": "500 rows held out",
        "rows_in_scope": 450,
        "rows_out_of_scope": 50,
        "accuracy_in_scope": 0.925,
        "confusions": [("WHERE", "STOP", 7), ("STOP", "PAY", 2)],
    }
    training = {
        "data": "mine.csv",
        "data_sha256": "ab" * 32,
        "rows": 1234,
        "rows_by_label": {"WHERE": 700, "STOP": 500, "PAY": 4, "OOS": 30},
        "base": "tiny",
        "seed": 0,
        "seconds": 130,
    }
    bare = manifest(("PAY", "STOP", "WHERE"), scope="OOS", certified=certified)
    return bare.model_copy(
        update={"metrics": found | metrics, "training": training, "descriptions": {"STOP": "to stop | cancel"}}
    )


def test_it_names_the_data_the_labels_and_what_each_had_to_learn_from() -> None:
    text = card(told())
    assert "`mine.csv` (SHA-256 `abababababab…`): 1,234 rows, seed 0, in 2 min." in text
    assert "| STOP | 500 | to stop &#124; cancel |" in text
    assert "| OOS | 30 | none of these: out of scope |" in text
    assert "Labels with fewer than 10 rows to learn from: PAY (4)." in text


def test_a_promise_is_only_made_where_one_was_certified() -> None:
    assert "At most 5% of what is accepted is wrong, at 95% confidence" in card(told())
    without = card(told(certified=False))
    assert "No error rate is promised" in without
    assert "At most 5%" not in without
    assert "400 of 500 were accepted, 8 of them wrongly" in without


def test_where_it_fails_is_said_worst_first() -> None:
    assert "Mixed up most, of the messages above: WHERE, taken for STOP (7), STOP, taken for PAY (2)." in card(told())
    assert "Mixed up" not in card(told(confusions=[]))
    many = card(told(confusions=[("STOP", "PAY", 1)] * 10))
    assert "and 2 more." in many


def test_nothing_in_scope_to_measure_on_is_no_accuracy() -> None:
    assert "would be answered rightly" not in card(told(accuracy_in_scope=None, rows_in_scope=0))


def test_a_trained_bundle_carries_its_card(tiny_bundle: Path) -> None:
    assert (tiny_bundle / CARD).read_text(encoding="utf-8") == card(Bundle.open(tiny_bundle).manifest)
