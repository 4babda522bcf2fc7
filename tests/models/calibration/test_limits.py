"""Error rates as people give them."""

from pathlib import Path

import pytest
from triage_models.calibration.limits import ErrorLimits, parse_limits, read_costs
from triage_models.errors import DataError


def test_limits_of_intents_are_found_by_the_bundles_labels_and_only_if_stricter() -> None:
    limits = ErrorLimits(0.05, 0.2, {"cancel order": 0.01, "OTHER": 0.2})
    assert limits.for_labels(["CANCEL_ORDER", "OTHER"]).by_intent == {"CANCEL_ORDER": 0.01}
    with pytest.raises(DataError, match="no intent REFUND"):
        ErrorLimits(0.05, 0.2, {"REFUND": 0.01}).for_labels(["CANCEL_ORDER"])


@pytest.mark.parametrize("risk", [0.0, -0.1, 0.9, float("nan"), 5])
def test_a_rate_that_no_guarantee_can_be_made_of_is_refused(risk: float) -> None:
    with pytest.raises(DataError, match=r"is not between 0\.001 and 0\.5"):
        ErrorLimits(risk)
    with pytest.raises(DataError, match="CANCEL_ORDER"):
        ErrorLimits(0.05, 0.2, {"CANCEL_ORDER": risk})


def test_a_suggestion_may_not_be_better_than_what_is_accepted() -> None:
    with pytest.raises(DataError, match=r"--suggest-max-error 0\.1 is below --max-error 0\.2"):
        ErrorLimits(0.2, 0.1)


def test_limits_are_read_from_flags() -> None:
    assert parse_limits(["CANCEL_ORDER=0.01", "a=b=0.02"]) == {"CANCEL_ORDER": 0.01, "a=b": 0.02}
    for wrong in ("CANCEL_ORDER", "=0.01", "CANCEL_ORDER=", "CANCEL_ORDER=1%"):
        with pytest.raises(DataError, match=r"LABEL=0\.01"):
            parse_limits([wrong])
    with pytest.raises(DataError, match="two limits"):
        parse_limits(["A=0.01", "A=0.02"])


def test_a_wrong_acceptance_that_costs_five_times_as_much_may_happen_a_fifth_as_often(tmp_path: Path) -> None:
    file = tmp_path / "costs.csv"
    file.write_text("label,cost\nCANCEL_ORDER,5\nOTHER,1\n")
    assert read_costs(file, 0.05) == {"CANCEL_ORDER": 0.01, "OTHER": 0.05}
    file.write_text("label;cost\nCANCEL_ORDER;2,5\n")
    assert read_costs(file, 0.05) == {"CANCEL_ORDER": 0.02}


@pytest.mark.parametrize("cost", ["0", "-1", "0.5", "much", "", "inf", "nan"])
def test_a_cost_below_one_is_refused_with_its_line(tmp_path: Path, cost: str) -> None:
    file = tmp_path / "costs.csv"
    file.write_text(f"label,cost\nWISMO,1\nCANCEL_ORDER,{cost}\n")
    with pytest.raises(DataError, match=r"line 3: the cost .* of 'CANCEL_ORDER'"):
        read_costs(file, 0.05)


def test_two_limits_of_the_same_intent_are_refused_however_it_is_written(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"WISMO.* wismo mean the same intent"):
        ErrorLimits(0.05, 0.2, {"WISMO": 0.01, "wismo": 0.04}).for_labels(["OTHER", "WISMO"])
    file = tmp_path / "costs.csv"
    file.write_text("label,cost\nWISMO,5\nOTHER,2\nWISMO,1\n")
    with pytest.raises(DataError, match="line 4: 'WISMO' has a cost already"):
        read_costs(file, 0.05)
