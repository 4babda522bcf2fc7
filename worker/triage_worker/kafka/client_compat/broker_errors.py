"""What brokers answer to outputs while aiokafka tries again, which it tells nobody but its log."""

import logging
from time import monotonic

SENDER = logging.getLogger("aiokafka.producer.sender")


def listen() -> "Complaints":
    """Listen to the log of this process's producers."""
    complaints = Complaints()
    SENDER.addFilter(complaints)
    return complaints


class Complaints(logging.Filter):
    """Remembers the last one."""

    def __init__(self) -> None:
        super().__init__()
        self._heard: tuple[float, str] | None = None

    def filter(self, record: logging.LogRecord) -> bool:
        """Take a line in, and let it pass."""
        if record.levelno >= logging.WARNING and isinstance(record.args, tuple) and record.args:
            self._heard = (monotonic(), _named(record.args[-1]))
        return True

    def within(self, seconds: float) -> str | None:
        """The last complaint, if it was heard within so many seconds."""
        return self._heard[1] if self._heard is not None and monotonic() - self._heard[0] < seconds else None


def _named(error: object) -> str:
    return error.__name__ if isinstance(error, type) else str(error)
