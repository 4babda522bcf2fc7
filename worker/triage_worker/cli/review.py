"""``triage review``: lets a person decide messages, with one key each."""

import contextlib
import logging
import os
import sys
from collections.abc import Callable, Iterator
from typing import Annotated

import typer
from rich.console import Console
from triage_schemas.channels import topic_settings

from triage_worker.cli.settings_flags import CONNECTION, EVENT_FORMAT, REGISTRY, settings_flags
from triage_worker.config.errors import TriageError
from triage_worker.config.settings import Settings

FLAGS = (
    *CONNECTION,
    "group_id",
    *topic_settings("review"),
    *REGISTRY,
    *EVENT_FORMAT,
    "dead_letter_headers",
    "delivery",
    "include_text",
)


@settings_flags(FLAGS)
def review(
    settings: Settings,
    out_of_scope_label: Annotated[
        str, typer.Option(help="Label of messages that have none of the intents, for training")
    ] = "OOS",
) -> None:
    """Decide messages that neither the model nor the LLM decided. Each is shown, and one key labels it."""
    from triage_worker.review import session  # noqa: PLC0415 (keeps `triage --help` fast)

    if not sys.stdin.isatty():
        raise TriageError("A review needs a terminal to read keys from: run it in one, without redirected input.")
    logging.basicConfig(level=logging.CRITICAL)  # log lines would disturb what is shown
    console = Console(highlight=False)
    console.print("Waiting for messages; press q to quit.\n")
    with _single_keys() as read_key:
        counts = session.run(settings, read_key, console, out_of_scope_label)
    console.print(f"{counts.accepted} decided, {counts.review} put off.")


@contextlib.contextmanager
def _single_keys() -> Iterator[Callable[[], str]]:
    """Read single keys for the whole session; switching the terminal's mode for each would drop keys typed ahead."""
    import termios  # noqa: PLC0415 (not on all platforms, and only needed here)

    terminal = sys.stdin.fileno()
    before, mode = termios.tcgetattr(terminal), termios.tcgetattr(terminal)
    mode[3] &= ~(termios.ICANON | termios.ECHO | termios.ISIG)
    termios.tcsetattr(terminal, termios.TCSANOW, mode)
    try:
        yield lambda: os.read(terminal, 1).decode(errors="replace")
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
