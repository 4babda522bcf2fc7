"""docs/learning.md agrees with the code: its flags, and the numbers that it states."""

import re
from pathlib import Path

import pytest
import typer

pytest.importorskip("torch", reason="needs the [train] extra")

from triage_models.feedback import learn, promotion, resolve, training_mix
from triage_models.training import weight_averaging
from triage_worker.cli.app import app
from triage_worker.cli.learn import NOT_PROMOTED
from triage_worker.config.settings import Settings

PAGE = " ".join((Path(__file__).parents[3] / "docs" / "learning.md").read_text(encoding="utf-8").split())


def test_the_page_lists_exactly_the_flags_of_learn() -> None:
    command = typer.main.get_command(app).commands["learn"]  # type: ignore[attr-defined]
    flags = {name for parameter in command.params for name in parameter.opts}
    settings = {"--" + name.replace("_", "-") for name in Settings.model_fields}
    table = PAGE[PAGE.index("| flag |") : PAGE.index("`--bundle`")]
    assert set(re.findall(r"\| `(--[a-z-]+)", table)) == flags - settings - {"--help"}


@pytest.mark.parametrize(
    "sentence",
    [
        f"{NOT_PROMOTED}: not better",
        f"may be lost: {promotion.MARGIN:g} |",
        f"for each human answer: {resolve.LLM_PER_HUMAN:g} |",
        f"held-out answers (at least {promotion.MIN_ROWS})",
        f"no intent of at least {promotion.MIN_ROWS} rows loses more than {promotion.INTENT_MARGIN:g} points",
        f"coverage falls by at most {promotion.COVERAGE_MARGIN:g} points",
        f"is drawn {training_mix.HUMAN_WEIGHT:g} times in a pass",
        f"among {training_mix.REPLAY_ROWS:,} rows of the base data that are drawn {training_mix.REPLAY_WEIGHT:g} times",
        f"answers are at most {training_mix.MAX_ANSWER_SHARE:.0%} of what is drawn".replace("%", " %"),
    ],
)
def test_the_numbers_on_the_page_are_those_of_the_code(sentence: str) -> None:
    assert sentence in PAGE


def test_numbers_that_the_page_states_in_words_are_those_of_the_code() -> None:
    assert (resolve.HELD_OUT_SHARE, training_mix.LLM_WEIGHT, learn.RECIPE.epochs) == (0.2, 0.5, 2)
    assert (weight_averaging.RUNS, weight_averaging.INTERPOLATION) == (2, 0.75)
    assert "This is done twice" in PAGE
    assert "three quarters of the way" in PAGE
