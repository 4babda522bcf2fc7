"""What can go wrong around the model, each as one sentence for the operator who reads it.

TriageError
└── ConfigError   a setting, a topic or a credential is wrong: nothing will work until it is changed
"""


class TriageError(Exception):
    """Base of this package's errors; ``str()`` says what happened, to what, and what to do."""

    exit_code = 2


class ConfigError(TriageError):
    """The process cannot start, or go on, with the settings it has."""
