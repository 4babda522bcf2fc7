"""Why outputs are not taken, as far as only the client library's log tells."""

import logging
from collections.abc import Iterator

import pytest
from aiokafka.errors import NodeNotReadyError, NotEnoughReplicasError
from triage_worker.kafka.client_compat import broker_errors as complaints
from triage_worker.kafka.client_compat.broker_errors import SENDER, Complaints


@pytest.fixture
def heard() -> Iterator[Complaints]:
    listening = complaints.listen()
    yield listening
    SENDER.removeFilter(listening)


def test_the_last_complaint_is_named_by_its_error(heard: Complaints) -> None:
    SENDER.warning("Got error produce response: %s", NodeNotReadyError("node 1"))
    assert heard.within(60) == "NodeNotReadyError: node 1"
    SENDER.warning("Got error produce response on %s, retrying. Error: %s", ("out", 2), NotEnoughReplicasError)
    assert heard.within(60) == "NotEnoughReplicasError"


def test_what_is_no_complaint_or_was_heard_before_is_not_told(heard: Complaints) -> None:
    assert heard.within(60) is None
    SENDER.log(logging.INFO, "Discovered coordinator %s", 1)
    assert heard.within(60) is None
    SENDER.warning("Error: %s", "away")
    assert heard.within(0) is None
