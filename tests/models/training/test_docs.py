"""docs/training.md agrees with the code: its flags, and the numbers that it states."""

import re
from pathlib import Path

import pytest
import typer

pytest.importorskip("torch", reason="needs the [train] extra")

from triage_models.calibration import binomial, fit, guarantee, limits
from triage_models.data import labelled
from triage_models.training import cross_fitting, pipeline, plan, recipe, trainer
from triage_worker.cli.app import app

PAGE = " ".join((Path(__file__).parents[3] / "docs" / "training.md").read_text(encoding="utf-8").split())


def test_the_page_lists_exactly_the_flags_of_train() -> None:
    command = typer.main.get_command(app)
    flags = {name for parameter in command.commands["train"].params for name in parameter.opts}  # type: ignore[attr-defined]
    table = PAGE[PAGE.index("## The flags") : PAGE.index("## What is chosen automatically")]
    assert set(re.findall(r"--[a-z][a-z-]+", table)) == flags - {"--help"}


@pytest.mark.parametrize(
    "sentence",
    [
        f"From {plan.SMALL:,} rows with an intent on, a tenth is held out",
        f"from {plan.HELD_OUT_ROWS / plan.HELD_OUT_SHARE:,.0f} on {plan.HELD_OUT_ROWS} rows",
        f"from {2 * plan.HELD_OUT_ROWS / plan.HELD_OUT_SHARE:,.0f} on a twentieth",
        f"up to {plan.SYNTHETIC_OOS_ROWS} messages that the project's own corpus calls out of scope",
        f"at least {plan.MIN_VALIDATION_ROWS} with an intent",
        f"a further {100 * pipeline.VALIDATION_SHARE:g} % are watched: "
        f"training ends after {trainer.EARLY_STOPPING_EPOCHS} passes",
        f"enough to draw {recipe.TOTAL_ROWS:,} rows in all",
        f"there are {cross_fitting.MIN_LABELS} labels or more",
        f"out-of-scope messages are {cross_fitting.OOS_SHARE:.0%} of the judging rows".replace("%", " %"),
        f"one in {1 / fit.FAMILIARITY_QUANTILE:.0f} of the correctly predicted rows lies below it",
        f"at most {limits.RISK:.0%} of accepted events are wrong, at 95 % confidence".replace("5%", "5 %"),
        f"on fewer than {guarantee.COSTLY_ROWS:,}, "
        "a threshold that costs more than two fifths of the coverage is not used",
        f"below {binomial.min_accepted_rows(limits.RISK, 0.95)} judging rows nothing is certified",
        f"which count as much as {fit.PRIOR_ROWS:.0f} rows",
        f"No threshold is below {guarantee.MIN_THRESHOLD}",
        f"a fifth of the rows accepted, or {binomial.min_accepted_rows(limits.RISK, 0.95)} if those are more",
    ],
)
def test_the_numbers_on_the_page_are_those_of_the_code(sentence: str) -> None:
    assert sentence in PAGE


def test_numbers_that_the_page_states_in_words_are_those_of_the_code() -> None:
    assert (plan.HELD_OUT_SHARE, plan.SYNTHETIC_OOS_SHARE) == (0.1, 0.5)
    assert (guarantee.MIN_COVERAGE_RATIO, cross_fitting.FOLDS) == (0.6, 4)
    assert all(f"`{name}`" in PAGE or name.upper() in PAGE for name in labelled.OUT_OF_SCOPE_NAMES)
