"""The producer errors that only aiokafka's log has."""

import logging
from collections.abc import Iterator

import pytest
from aiokafka.errors import NodeNotReadyError, NotEnoughReplicasError
from triage_worker.kafka.client_compat import broker_errors
from triage_worker.kafka.client_compat.broker_errors import SENDER_LOG, BrokerErrorLog


@pytest.fixture
def errors() -> Iterator[BrokerErrorLog]:
    log = broker_errors.listen()
    yield log
    SENDER_LOG.removeFilter(log)


def test_the_last_error_is_remembered_by_name(errors: BrokerErrorLog) -> None:
    SENDER_LOG.warning("Got error produce response: %s", NodeNotReadyError("node 1"))
    assert errors.within(60) == "NodeNotReadyError: node 1"
    SENDER_LOG.warning("Got error produce response on %s, retrying. Error: %s", ("out", 2), NotEnoughReplicasError)
    assert errors.within(60) == "NotEnoughReplicasError"


def test_records_below_a_warning_and_old_ones_are_left_out(errors: BrokerErrorLog) -> None:
    assert errors.within(60) is None
    SENDER_LOG.log(logging.INFO, "Discovered coordinator %s", 1)
    assert errors.within(60) is None
    SENDER_LOG.warning("Error: %s", "away")
    assert errors.within(0) is None
