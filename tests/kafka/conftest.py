"""One Apache Kafka for all tests here; ``TRIAGE_TEST_BOOTSTRAP`` points them at another."""

import os
from collections.abc import Iterator

import pytest

from tests.kafka import broker
from tests.kafka.harness import Bench


@pytest.fixture(scope="session")
def bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The bootstrap servers of a running Kafka."""
    given = os.environ.get("TRIAGE_TEST_BOOTSTRAP")
    if given:
        yield given
        return
    try:
        broker.install()
    except broker.Unavailable as error:
        if os.environ.get("TRIAGE_REQUIRE_KAFKA"):
            pytest.fail(f"NO KAFKA: {error}")
        pytest.skip(f"NO KAFKA, SO NOTHING IS PROVEN ABOUT IT: {error}")
    (node,) = broker.cluster(tmp_path_factory.mktemp("kafka"))
    node.start()
    try:
        node.wait()
        yield node.bootstrap
    finally:
        node.stop()


@pytest.fixture
def bench(bootstrap: str, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Bench]:
    """Topics of the test's own, and workers that end with it."""
    made = Bench(bootstrap, tmp_path_factory.mktemp("worker"))
    try:
        yield made
    finally:
        made.stop()
