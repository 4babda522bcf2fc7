"""Ctrl-C, as commands that take long answer it."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console

INTERRUPTED = 130
"""The exit code of a command that Ctrl-C has ended, as shells give it."""


@contextmanager
def interruptible(console: Console, sentence: str) -> Iterator[None]:
    """Within this, Ctrl-C ends the command with a sentence: what became of its work, and how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        console.print(sentence, soft_wrap=True)
        raise typer.Exit(INTERRUPTED) from None
