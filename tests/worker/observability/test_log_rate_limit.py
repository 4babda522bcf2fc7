"""Repeated lines of a library."""

import logging

import pytest
from triage_worker.observability.log_rate_limit import INTERVAL_S, LogRateLimit


def line(name: str, message: str, created: float, *arguments: object) -> logging.LogRecord:
    record = logging.LogRecord(name, logging.WARNING, __file__, 1, message, arguments, None)
    record.created = created
    return record


@pytest.fixture
def limit() -> LogRateLimit:
    return LogRateLimit("aiokafka")


def test_a_message_is_logged_once_in_an_interval_whatever_it_names(limit: LogRateLimit) -> None:
    assert limit.filter(line("aiokafka.conn", "no node %s", 100.0, 1))
    assert not limit.filter(line("aiokafka.conn", "no node %s", 100.1, 2))
    assert limit.filter(line("aiokafka.conn", "another", 100.1))


def test_the_next_one_says_how_many_were_left_out(limit: LogRateLimit) -> None:
    limit.filter(line("aiokafka.conn", "no node %s", 100.0, 1))
    limit.filter(line("aiokafka.conn", "no node %s", 101.0, 1))
    limit.filter(line("aiokafka.conn", "no node %s", 102.0, 1))
    later = line("aiokafka.conn", "no node %s", 100.0 + INTERVAL_S, 1)
    assert limit.filter(later)
    assert vars(later)["left_out"] == 2


def test_our_own_lines_are_all_logged(limit: LogRateLimit) -> None:
    assert all(limit.filter(line("triage_worker.streaming.consumer", "the same", 100.0)) for _ in range(5))
