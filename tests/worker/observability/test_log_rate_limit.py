"""The rate limit of repeated log messages."""

import logging

import pytest
from triage_worker.observability.log_rate_limit import INTERVAL_S, LogRateLimit


def log_record(name: str, message: str, created: float, *arguments: object) -> logging.LogRecord:
    """Make a log record with a time."""
    record = logging.LogRecord(name, logging.WARNING, __file__, 1, message, arguments, None)
    record.created = created
    return record


@pytest.fixture
def limit() -> LogRateLimit:
    return LogRateLimit("aiokafka")


def test_a_message_is_logged_once_in_an_interval_whatever_its_arguments(limit: LogRateLimit) -> None:
    assert limit.filter(log_record("aiokafka.conn", "no node %s", 100.0, 1))
    assert not limit.filter(log_record("aiokafka.conn", "no node %s", 100.1, 2))
    assert limit.filter(log_record("aiokafka.conn", "another", 100.1))


def test_the_next_record_has_the_number_of_those_left_out(limit: LogRateLimit) -> None:
    limit.filter(log_record("aiokafka.conn", "no node %s", 100.0, 1))
    limit.filter(log_record("aiokafka.conn", "no node %s", 101.0, 1))
    limit.filter(log_record("aiokafka.conn", "no node %s", 102.0, 1))
    later = log_record("aiokafka.conn", "no node %s", 100.0 + INTERVAL_S, 1)
    assert limit.filter(later)
    assert vars(later)["left_out"] == 2


def test_records_of_other_loggers_are_all_logged(limit: LogRateLimit) -> None:
    assert all(limit.filter(log_record("triage_worker.streaming.consumer", "the same", 100.0)) for _ in range(5))
