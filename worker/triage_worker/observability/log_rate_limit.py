"""Limits how often the same log message is written, for libraries that retry many times a second."""

import logging

INTERVAL_S = 10.0


class LogRateLimit(logging.Filter):
    """Lets each message of some loggers through once in an interval.

    Messages count as the same if their templates are, whatever node or partition they name. The next line that passes
    has the extra ``left_out`` with the number of lines that did not. Attach it to a handler: a logger's filters do not
    see the records of its children.

    Args:
        prefixes: names of the loggers, their children included.
    """

    def __init__(self, *prefixes: str) -> None:
        super().__init__()
        self._prefixes = prefixes
        self._logged_at: dict[tuple[str, object], float] = {}
        self._left_out: dict[tuple[str, object], int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Decide whether a record is logged, and add ``left_out`` to it if others were not."""
        if not record.name.startswith(self._prefixes):
            return True
        key = (record.name, record.msg)
        if record.created - self._logged_at.get(key, -INTERVAL_S) < INTERVAL_S:
            self._left_out[key] = self._left_out.get(key, 0) + 1
            return False
        self._logged_at[key] = record.created
        left_out = self._left_out.pop(key, 0)
        if left_out:
            record.left_out = left_out
        return True
