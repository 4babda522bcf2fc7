"""Repeated lines of a library."""

import logging

import pytest
from triage_worker.observability.log_rate_limit import INTERVAL_S, OncePerInterval


def line(name: str, message: str, created: float, *arguments: object) -> logging.LogRecord:
    record = logging.LogRecord(name, logging.WARNING, __file__, 1, message, arguments, None)
    record.created = created
    return record


@pytest.fixture
def told() -> OncePerInterval:
    return OncePerInterval("aiokafka")


def test_a_message_is_told_once_in_an_interval_whatever_it_names(told: OncePerInterval) -> None:
    assert told.filter(line("aiokafka.conn", "no node %s", 100.0, 1))
    assert not told.filter(line("aiokafka.conn", "no node %s", 100.1, 2))
    assert told.filter(line("aiokafka.conn", "another", 100.1))


def test_the_next_one_says_how_many_were_left_out(told: OncePerInterval) -> None:
    told.filter(line("aiokafka.conn", "no node %s", 100.0, 1))
    told.filter(line("aiokafka.conn", "no node %s", 101.0, 1))
    told.filter(line("aiokafka.conn", "no node %s", 102.0, 1))
    later = line("aiokafka.conn", "no node %s", 100.0 + INTERVAL_S, 1)
    assert told.filter(later)
    assert vars(later)["left_out"] == 2


def test_our_own_lines_are_all_told(told: OncePerInterval) -> None:
    assert all(told.filter(line("triage_worker.streaming.consumer", "the same", 100.0)) for _ in range(5))
