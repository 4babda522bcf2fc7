"""Errors that a person can fix, each described in one sentence.

TriageError
└── ConfigError   a setting, a topic or a credential is wrong: nothing will work until it is changed
"""


class TriageError(Exception):
    """Base of the worker's errors; ``str()`` says what happened, to what, and what to do."""


class ConfigError(TriageError):
    """The process cannot start, or continue, with its settings."""
