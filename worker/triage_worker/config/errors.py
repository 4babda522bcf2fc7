"""What a person can mend, said to them in one sentence.

TriageError
└── ConfigError   a setting, a topic or a credential is wrong: nothing will work until it is changed
"""


class TriageError(Exception):
    """Base of this package's errors; ``str()`` says what happened, to what, and what to do."""


class ConfigError(TriageError):
    """The process cannot start, or go on, with the settings it has."""
