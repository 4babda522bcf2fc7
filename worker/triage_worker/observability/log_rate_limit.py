"""Keeping a client library that retries many times a second from saying so as often."""

import logging

INTERVAL_S = 10.0


class OncePerInterval(logging.Filter):
    """Lets each message of some loggers through once in an interval; the next one says how many were left out.

    Messages count as the same when their templates do, whatever node or partition they name. Filters belong on a
    handler: those of a logger do not see what its children log.
    """

    def __init__(self, *prefixes: str) -> None:
        super().__init__()
        self._prefixes = prefixes
        self._told: dict[tuple[str, object], float] = {}
        self._left_out: dict[tuple[str, object], int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is to be told; adds the extra ``left_out`` where others were not."""
        if not record.name.startswith(self._prefixes):
            return True
        key = (record.name, record.msg)
        if record.created - self._told.get(key, -INTERVAL_S) < INTERVAL_S:
            self._left_out[key] = self._left_out.get(key, 0) + 1
            return False
        self._told[key] = record.created
        left_out = self._left_out.pop(key, 0)
        if left_out:
            record.left_out = left_out
        return True
