"""Errors that a person can fix, each described in one sentence.

TriageError
└── ConfigError   a setting, a topic or a credential is wrong: nothing will work until it is changed
"""

import sys

BAD_INPUT = 2
"""The exit code of a process that ends by such an error."""


class TriageError(Exception):
    """Base of the worker's errors; ``str()`` says what happened, to what, and what to do."""


class ConfigError(TriageError):
    """The process cannot start, or continue, with its settings."""


def print_error(error: Exception) -> None:
    """Print an error that is one sentence, on standard error."""
    print(f"triage: {error}", file=sys.stderr)  # noqa: T201 (the one place that prints errors)
