"""docs/learning.md says what the code does: its flags, and the numbers that it names."""

import re
from pathlib import Path

import pytest
import typer

pytest.importorskip("torch", reason="needs the [train] extra")

from triage_models.feedback import learn, rehearsal, verdict
from triage_models.feedback import resolve as settle
from triage_models.training import further
from triage_worker.cli.app import app
from triage_worker.cli.learn import NOT_PROMOTED
from triage_worker.config.settings import Settings

PAGE = " ".join((Path(__file__).parents[3] / "docs" / "learning.md").read_text(encoding="utf-8").split())


def test_every_flag_of_learn_is_told_and_no_other() -> None:
    command = typer.main.get_command(app).commands["learn"]  # type: ignore[attr-defined]
    flags = {name for parameter in command.params for name in parameter.opts}
    settings = {"--" + name.replace("_", "-") for name in Settings.model_fields}
    table = PAGE[PAGE.index("| flag |") : PAGE.index("`--bundle`")]
    assert set(re.findall(r"\| `(--[a-z-]+)", table)) == flags - settings - {"--help"}


@pytest.mark.parametrize(
    "sentence",
    [
        f"{NOT_PROMOTED}: not better",
        f"may be lost: {verdict.MARGIN:g} |",
        f"for each human answer: {settle.LLM_PER_HUMAN:g} |",
        f"held-out answers (at least {verdict.ENOUGH})",
        f"no intent of at least {verdict.ENOUGH} rows loses more than {verdict.INTENT_MARGIN:g} points",
        f"coverage falls by at most {verdict.COVERAGE_MARGIN:g} points",
        f"is drawn {rehearsal.HUMAN_WEIGHT:g} times in a pass",
        f"among {rehearsal.REPLAY:,} rows of the base data that are drawn {rehearsal.REPLAY_WEIGHT:g} times",
        f"answers are at most {rehearsal.MOST_ANSWERS:.0%} of what is drawn".replace("%", " %"),
    ],
)
def test_the_numbers_on_the_page_are_the_codes(sentence: str) -> None:
    assert sentence in PAGE


def test_words_on_the_page_stand_for_the_codes_numbers() -> None:
    assert (settle.HELD_SHARE, rehearsal.LLM_WEIGHT, learn.RECIPE.epochs) == (0.2, 0.5, 2)
    assert (further.TRAININGS, further.MOVED) == (2, 0.75)
    assert "This is done twice" in PAGE
    assert "three quarters of the way" in PAGE
