"""Verdicts on candidates: read from the store's runs and from reports, and what stands against a promotion."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from triage_models.bundle.verdicts import CANDIDATES, RUNS, Verdict, append_run, objections, read_verdicts

WHEN = datetime(2026, 11, 30, tzinfo=UTC)


def report(candidate: str = "2", serving: str = "1", *, better: bool = True, **more: Any) -> dict[str, Any]:
    """A report of `triage learn`, with figures that verdicts do not need."""
    figures = {"rows": 60, "errors": [9, 5], "accuracy": [0.85, 0.92], "accepted": [0.7, 0.8], "mended": 4}
    known = {"candidate": candidate, "serving": serving, "better": better, "why": ["Fewer errors."]}
    return known | {"held_out": figures, "test": None, "answers": {}, "calibrate_again": None} | more


def test_the_last_run_of_a_candidate_counts(tmp_path: Path) -> None:
    store = tmp_path / "store"
    assert read_verdicts(store) == {}
    append_run(store, WHEN, promoted=False, report=report("2", better=False))
    append_run(store, WHEN, promoted=False, report=report("3", better=False))
    append_run(store, WHEN, promoted=True, report=report("2"))
    found = read_verdicts(store)
    assert list(found) == ["3", "2"]
    assert found["2"].better
    assert found["2"].when == WHEN
    assert found["2"].held_out is not None
    assert found["2"].held_out.accuracy == (0.85, 0.92)


def test_reports_beside_candidates_count_and_what_is_not_valid_is_left_out(tmp_path: Path) -> None:
    (tmp_path / CANDIDATES).mkdir()
    (tmp_path / CANDIDATES / "new.json").write_text(json.dumps(report("4")))
    (tmp_path / CANDIDATES / "other.json").write_text("[1]")
    (tmp_path / RUNS).write_text('{"half a li\n' + json.dumps(report("5", why=[])) + "\n\n")
    assert list(read_verdicts(tmp_path)) == ["4"]


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        (report("2", "1"), []),
        (None, ["Nobody has compared it with 1, which serves now, as triage learn does."]),
        (report(better=False), ["It was not found better than 1.", "Fewer errors."]),
        (report("2", "0"), ["It was compared with 0, and 1 serves now."]),
    ],
)
def test_what_stands_against_a_promotion(verdict: dict[str, Any] | None, expected: list[str]) -> None:
    assert objections(None if verdict is None else Verdict.model_validate(verdict), "1") == expected
