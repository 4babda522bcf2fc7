"""``triage review``: a person decides, one key a message."""

import contextlib
import logging
import os
import sys
from collections.abc import Callable, Iterator
from typing import Annotated

import typer
from rich.console import Console

from triage_worker.cli.settings_flags import CONNECTION, settings_flags
from triage_worker.config.errors import TriageError
from triage_worker.config.settings import Settings

FLAGS = (
    *CONNECTION,
    "group_id",
    "review_topic",
    "output_topic",
    "labels_topic",
    "dead_letter_topic",
    "delivery",
    "include_text",
)


@settings_flags(FLAGS)
def review(
    settings: Settings,
    out_of_scope_label: Annotated[
        str, typer.Option(help="The label of messages that have none of the intents, to learn from")
    ] = "OOS",
) -> None:
    """Decide messages that neither the model nor the LLM could: each is shown, and one key labels it."""
    from triage_worker.review import session  # noqa: PLC0415 (keeps `triage --help` quick)

    if not sys.stdin.isatty():
        raise TriageError("A review needs a terminal, since a person has to press keys.")
    logging.basicConfig(level=logging.CRITICAL)  # the terminal belongs to the messages
    console = Console(highlight=False)
    console.print("Waiting for messages to decide; q leaves.\n")
    with _single_keys() as read_key:
        counts = session.run(settings, read_key, console, out_of_scope_label)
    console.print(f"{counts.accepted} decided, {counts.review} put off.")


@contextlib.contextmanager
def _single_keys() -> Iterator[Callable[[], str]]:
    """Keys as they are pressed, all session long: to switch the terminal for each would drop what is typed ahead."""
    import termios  # noqa: PLC0415 (not everywhere, and only needed here)

    terminal = sys.stdin.fileno()
    before, mode = termios.tcgetattr(terminal), termios.tcgetattr(terminal)
    mode[3] &= ~(termios.ICANON | termios.ECHO | termios.ISIG)
    termios.tcsetattr(terminal, termios.TCSANOW, mode)
    try:
        yield lambda: os.read(terminal, 1).decode(errors="replace")
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
