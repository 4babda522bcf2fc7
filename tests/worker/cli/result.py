"""The result of a command, and assertions about it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass
class CommandResult:
    """Exit code and output of a command."""

    code: int
    out: str
    err: str


Triage = Callable[..., CommandResult]
"""Runs ``triage`` with arguments, and with bytes on standard input."""


def answers(result: CommandResult) -> list[dict[str, Any]]:
    """The JSON lines of a command that succeeded."""
    assert result.code == 0, result.err
    return [json.loads(line) for line in result.out.splitlines()]


def refused(result: CommandResult, part: str) -> None:
    """Assert that a command ended with an error of one sentence that has this part."""
    assert result.code == 2
    assert result.err.startswith("triage: ")
    assert result.err.count("\n") == 1
    assert part in result.err
    assert "Traceback" not in result.err
