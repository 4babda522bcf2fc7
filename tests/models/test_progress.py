"""Progress on a terminal and elsewhere: bars or lines for stages, and notes in full."""

import io
import re

import pytest
from rich.console import Console
from triage_models.progress import progress_display

NOTE = "2 of 9 labels have a single row: [Versand], " + "a label with a long name, " * 8 + "[bold]."


@pytest.mark.parametrize("terminal", [True, False])
def test_a_note_is_shown_in_full_and_as_it_is(terminal: bool) -> None:
    shown = io.StringIO()
    with progress_display(Console(file=shown, force_terminal=terminal, width=60, highlight=False)) as progress:
        progress(NOTE, 1.0)
        progress("training", 0.5)
        progress("training", 1.0)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.getvalue())
    assert plain.count(NOTE) == 1
    assert "training" in plain


def test_a_log_says_every_minute_how_far_a_stage_is() -> None:
    shown = io.StringIO()
    now = 0.0
    with progress_display(Console(file=shown, width=60, highlight=False), clock=lambda: now) as progress:
        for now in (0.0, 30.0, 59.0, 61.0, 90.0, 125.0):
            progress("training", now / 200)
        progress("training", 1.0)
    assert shown.getvalue().splitlines() == ["training", "training: 30%", "training: 62%"]
