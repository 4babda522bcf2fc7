"""Handles Ctrl-C in commands that take long."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console

INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells define it."""


@contextmanager
def interruptible(console: Console, sentence: str) -> Iterator[None]:
    """Within the context, Ctrl-C prints a sentence and ends the command with exit code 130.

    Args:
        console: where to print.
        sentence: says what became of the work, and how to continue.
    """
    try:
        yield
    except KeyboardInterrupt:
        console.print(sentence, soft_wrap=True)
        raise typer.Exit(INTERRUPTED) from None
