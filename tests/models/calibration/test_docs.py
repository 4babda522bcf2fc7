"""docs/calibrate.md agrees with the code: its flags, and the numbers that it states."""

import re
from pathlib import Path

import pytest
import typer
from triage_models.calibration import correction, folds, guarantee, limits, rows_needed, thresholds
from triage_worker.cli.app import app
from triage_worker.config.settings import Settings

PAGE = " ".join((Path(__file__).parents[3] / "docs" / "calibrate.md").read_text(encoding="utf-8").split())


def test_the_page_lists_exactly_the_flags_of_calibrate() -> None:
    command = typer.main.get_command(app).commands["calibrate"]  # type: ignore[attr-defined]
    flags = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    settings = {"--" + name.replace("_", "-") for name in Settings.model_fields} - {"--bundle"}
    table = PAGE[PAGE.index("| flag |") : PAGE.index("`--json` prints")]
    listed = {name for cell in re.findall(r"\| (`--.*?) \|", table) for name in re.findall(r"`(--[a-z-]+)", cell)}
    assert listed == flags - settings - {"--help"}


@pytest.mark.parametrize(
    "sentence",
    [
        f"may be wrong: {limits.RISK:g} |",
        f"threshold of suggestions: {limits.SUGGEST_RISK:g} |",
        f"Below {correction.REFIT_ROWS} rows two numbers are fitted",
        f"which weighs as much as {correction.SHIFT_ROWS:g} rows each",
        f"drawn to the bundle's own by a weight of {correction.WEIGHT_ROWS:g} rows",
        f"No threshold is below {guarantee.MIN_THRESHOLD}",
        f"at {thresholds.LEVEL:.0%} confidence, for traffic like your rows".replace("%", " %"),
    ],
)
def test_the_numbers_on_the_page_are_those_of_the_code(sentence: str) -> None:
    assert sentence in PAGE


def test_numbers_that_the_page_states_in_words_are_those_of_the_code() -> None:
    assert (rows_needed.CHANCE, rows_needed.LEAST_SHARE) == (0.8, 0.5)
    assert (guarantee.MANY_TESTS, folds.FOLDS) == (5, 5)
    assert correction.SHIFT_ROWS == correction.STRETCH_ROWS
