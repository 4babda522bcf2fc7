"""Configures logging: readable lines or JSON on stderr. Customers' text is left out unless the settings allow it.

What a line is about goes in ``extra``: ``log.info("Partitions assigned", extra={"partitions": 4})``. A customer's
text, where a line has any, is the extra ``text`` and nothing else, so that one place here decides about it.
"""

import json
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

from triage_schemas.cloudevents import timestamp

from triage_worker.config.settings import Settings
from triage_worker.observability.log_rate_limit import LogRateLimit

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_NOISY = ("aiokafka", "kafka", "aiohttp.access", "uvicorn")
_RATE_LIMITED = (
    "aiokafka",
    "opentelemetry",
    "uvicorn",
    "triage_worker.kafka.dead_letters",
    "triage_worker.fallback",
    "triage_worker.helpdesk.customer_tickets",
    "triage_worker.helpdesk.zendesk_own_tickets",
)
_about: ContextVar[Mapping[str, object]] = ContextVar("about", default=MappingProxyType({}))


@contextmanager
def about(extras: Mapping[str, object]) -> Iterator[None]:
    """Add extras, such as a message's ids, to every line that this task logs within the context."""
    token = _about.set(extras)
    try:
        yield
    finally:
        _about.reset(token)


def configure(settings: Settings) -> None:
    """Send the logs of this process to stderr, in the format and from the level of the settings."""
    handler = logging.StreamHandler(sys.stderr)
    formatter = JsonFormatter if settings.log_format == "json" else ConsoleFormatter
    handler.setFormatter(formatter(with_text=settings.log_text))
    handler.addFilter(LogRateLimit(*_RATE_LIMITED))
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)
    for name in _NOISY:
        # Their INFO lines repeat what our own lines say.
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(settings.log_level)))


class _Formatter(logging.Formatter):
    def __init__(self, *, with_text: bool) -> None:
        super().__init__()
        self._with_text = with_text

    def extras(self, record: logging.LogRecord) -> dict[str, Any]:
        own = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        return {name: value for name, value in {**_about.get(), **own}.items() if self._with_text or name != "text"}


class JsonFormatter(_Formatter):
    """Formats a record as one JSON object: time, level, logger, message, extras, and an exception if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record."""
        line: dict[str, Any] = {
            "time": timestamp(record.created),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **self.extras(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


class ConsoleFormatter(_Formatter):
    """Formats a record for people: time, level and message, then the extras as ``name=value``."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record."""
        time = self.formatTime(record, "%H:%M:%S")
        extras = "".join(f" {name}={value}" for name, value in self.extras(record).items())
        line = f"{time} {record.levelname:<7} {record.getMessage()}{extras}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line
