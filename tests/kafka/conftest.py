"""One Apache Kafka for all tests here; ``TRIAGE_TEST_BOOTSTRAP`` points them at another."""

import os
import random
from collections.abc import Iterator

import pytest

from tests.kafka import broker
from tests.kafka import secured as secured_broker
from tests.kafka.harness import Bench
from tests.kafka.secured import Secured


@pytest.fixture(scope="session")
def bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The bootstrap servers of a running Kafka."""
    given = os.environ.get("TRIAGE_TEST_BOOTSTRAP")
    if given:
        yield given
        return
    _install()
    (node,) = broker.cluster(tmp_path_factory.mktemp("kafka"))
    node.start()
    try:
        node.wait()
        yield node.bootstrap
    finally:
        node.stop()


@pytest.fixture(scope="session")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """A Kafka with logins, TLS and rights, on which all topics have their default names."""
    if os.environ.get("TRIAGE_TEST_BOOTSTRAP"):
        pytest.skip("needs a broker of its own, and TRIAGE_TEST_BOOTSTRAP points at another")
    _install()
    with secured_broker.running(tmp_path_factory.mktemp("secured")) as running:
        yield running


@pytest.fixture
def bench(bootstrap: str, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Bench]:
    """Topics of the test's own, and workers that end with it."""
    made = Bench(bootstrap, tmp_path_factory.mktemp("worker"))
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture
def seed() -> int:
    """What repeats a run's dice; TORTURE_SEED gives it."""
    given = int(os.environ.get("TORTURE_SEED", random.randrange(10_000)))
    print(f"TORTURE_SEED={given}")
    return given


def _install() -> None:
    try:
        broker.install()
    except broker.Unavailable as error:
        if os.environ.get("TRIAGE_REQUIRE_KAFKA"):
            pytest.fail(f"NO KAFKA: {error}")
        pytest.skip(f"NO KAFKA, SO NOTHING IS PROVEN ABOUT IT: {error}")
