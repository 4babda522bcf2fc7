"""Fields that came later: what older versions of Triage make of a bundle, and what this one makes of an old bundle."""

import json

import pytest
from pydantic import ValidationError
from triage_models.bundle.accepted_rows import Cell
from triage_models.bundle.manifest import ACCEPTED_ROWS, SUGGESTION, IntentThreshold, Manifest, Suggestion, show_rate

from tests.models.samples import manifest

OWN = manifest(("A", "B"))
GUARANTEE = OWN.thresholds.guarantee


def test_a_bundle_without_thresholds_of_intents_is_written_as_older_versions_read_it() -> None:
    written = json.loads(OWN.model_dump_json())
    assert set(written["thresholds"]) == {"confidence", "familiarity", "guarantee"}
    assert Manifest.model_validate_json(OWN.model_dump_json()) == OWN
    assert OWN.suggestion is None


def test_thresholds_of_intents_are_written_where_older_versions_refuse_them() -> None:
    own = {"A": IntentThreshold(confidence=0.9, guarantee=GUARANTEE)}
    stricter = OWN.model_copy(update={"thresholds": OWN.thresholds.model_copy(update={"by_intent": own})})
    assert "by_intent" in json.loads(stricter.model_dump_json())["thresholds"]
    assert Manifest.model_validate_json(stricter.model_dump_json()) == stricter


def test_suggestions_are_written_where_older_versions_ignore_them() -> None:
    suggestion = Suggestion(confidence=0.6, guarantee=GUARANTEE)
    own = OWN.model_copy(update={"metrics": {SUGGESTION: suggestion.model_dump()}})
    assert set(json.loads(own.model_dump_json())) == set(json.loads(OWN.model_dump_json()))
    assert own.suggestion == Manifest.model_validate_json(own.model_dump_json()).suggestion == suggestion


def test_a_damaged_suggestion_or_an_intent_that_is_no_label_is_refused() -> None:
    damaged = json.loads(OWN.model_dump_json()) | {"metrics": {SUGGESTION: {"confidence": 2}}}
    with pytest.raises(ValidationError):
        Manifest.model_validate(damaged)
    unknown = {"C": {"confidence": 0.9, "guarantee": GUARANTEE.model_dump()}}
    other = json.loads(OWN.model_dump_json())
    other["thresholds"]["by_intent"] = unknown
    with pytest.raises(ValidationError, match="by_intent has C"):
        Manifest.model_validate(other)


@pytest.mark.parametrize(("rate", "text"), [(0.05, "5%"), (0.005, "0.5%"), (0.2, "20%"), (0.0125, "1.25%")])
def test_a_rate_is_shown_with_the_decimals_that_it_has(rate: float, text: str) -> None:
    assert show_rate(rate) == text


def test_accepted_rows_are_read_from_the_metrics_and_a_bundle_without_them_has_none() -> None:
    assert OWN.accepted_rows is None
    own = OWN.model_copy(update={"metrics": {ACCEPTED_ROWS: {OWN.labels[1]: "2.9:14/1 3:20"}}})
    cells = (Cell(1, 2.9, 14, 1), Cell(1, 3.0, 20, 0))
    assert Manifest.model_validate_json(own.model_dump_json()).accepted_rows == own.accepted_rows == cells


@pytest.mark.parametrize("damaged", [[], {"A": 3}, {"A": "2.9"}, {"NO_SUCH_LABEL": "2.9:3"}])
def test_a_manifest_with_damaged_accepted_rows_is_refused(damaged: object) -> None:
    written = json.loads(OWN.model_dump_json()) | {"metrics": {ACCEPTED_ROWS: damaged}}
    with pytest.raises(ValidationError):
        Manifest.model_validate(written)
