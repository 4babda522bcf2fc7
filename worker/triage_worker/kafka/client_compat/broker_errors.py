"""Captures the producer errors that aiokafka only logs while it retries."""

import logging
from time import monotonic

SENDER_LOG = logging.getLogger("aiokafka.producer.sender")


def listen() -> "BrokerErrorLog":
    """Start to capture the errors of all producers of this process."""
    errors = BrokerErrorLog()
    SENDER_LOG.addFilter(errors)
    return errors


class BrokerErrorLog(logging.Filter):
    """A log filter that remembers the last error and lets every record pass."""

    def __init__(self) -> None:
        super().__init__()
        self._last: tuple[float, str] | None = None

    def filter(self, record: logging.LogRecord) -> bool:
        """Remember a warning or error, and let the record pass."""
        if record.levelno >= logging.WARNING and isinstance(record.args, tuple) and record.args:
            self._last = (monotonic(), _name(record.args[-1]))
        return True

    def within(self, seconds: float) -> str | None:
        """The last error, if it was logged within so many seconds."""
        return self._last[1] if self._last is not None and monotonic() - self._last[0] < seconds else None


def _name(error: object) -> str:
    return error.__name__ if isinstance(error, type) else str(error)
