"""Fixtures: one Apache Kafka for all tests of this folder; ``TRIAGE_TEST_BOOTSTRAP`` selects another broker."""

import os
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import pytest

from tests.kafka import broker, fault_environment, schema_registry, secured_broker
from tests.kafka.broker import Broker
from tests.kafka.harness import KafkaHarness
from tests.kafka.secured_broker import SecuredBroker
from tests.kafka.secured_services import SecuredServices, secured_services


@pytest.fixture(scope="session")
def kafka_installed() -> None:
    """The jars of Kafka; tests are skipped if this machine cannot run them."""
    try:
        broker.install()
    except broker.UnavailableError as error:
        if os.environ.get("TRIAGE_REQUIRE_KAFKA"):
            pytest.fail(f"NO KAFKA: {error}")
        pytest.skip(f"NO KAFKA, SO NOTHING IS PROVEN ABOUT IT: {error}")


@pytest.fixture(scope="session")
def registry_installed() -> None:
    """A schema registry and Confluent's serializers; tests are skipped if this machine cannot run them."""
    try:
        schema_registry.install()
    except broker.UnavailableError as error:
        if os.environ.get("TRIAGE_REQUIRE_KAFKA"):
            pytest.fail(f"NO SCHEMA REGISTRY: {error}")
        pytest.skip(f"NO SCHEMA REGISTRY, SO NOTHING IS PROVEN ABOUT IT: {error}")


@pytest.fixture(scope="session")
def bootstrap(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[str]:
    """The bootstrap servers of a running Kafka."""
    given = os.environ.get("TRIAGE_TEST_BOOTSTRAP")
    if given:
        yield given
        return
    request.getfixturevalue("kafka_installed")
    with fault_environment.running_cluster(tmp_path_factory.mktemp("kafka"), 1, {}) as (node,):
        yield node.bootstrap


@pytest.fixture(scope="module")
def brokers(kafka_installed: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sequence[Broker]]:
    """Three running brokers of a module's own."""
    folder = tmp_path_factory.mktemp("cluster")
    with fault_environment.running_cluster(folder, 3, fault_environment.REPLICATED) as running:
        yield running


@pytest.fixture(scope="session")
def secured(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[SecuredBroker]:
    """A Kafka with logins, TLS and access control, on which all topics have their default names."""
    if os.environ.get("TRIAGE_TEST_BOOTSTRAP"):
        pytest.skip("needs a broker of its own, but TRIAGE_TEST_BOOTSTRAP is set")
    request.getfixturevalue("kafka_installed")
    with secured_broker.running(tmp_path_factory.mktemp("secured")) as running:
        yield running


@pytest.fixture
def harness(bootstrap: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaHarness]:
    """Topics of the test's own; services on them end with the test."""
    with KafkaHarness(bootstrap, tmp_path_factory.mktemp("services")) as created:
        yield created


@pytest.fixture
def seed() -> int:
    """The seed of a run's random choices; TORTURE_SEED sets it."""
    given = int(os.environ.get("TORTURE_SEED", random.randrange(10_000)))
    print(f"TORTURE_SEED={given}")
    return given


@pytest.fixture
async def services(secured: SecuredBroker, tmp_path: Path) -> AsyncIterator[SecuredServices]:
    """The services on the secured broker; its topics exist."""
    async with secured_services(secured, tmp_path) as created:
        yield created
