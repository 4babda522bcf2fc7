"""Fixtures: a real Apache Kafka, and a harness whose services are containers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.image.containers import ContainerHarness
from tests.kafka.conftest import bootstrap, kafka_installed

__all__ = ["bootstrap", "kafka_installed"]


@pytest.fixture
def containers(bootstrap: str, tmp_path: Path) -> Iterator[ContainerHarness]:
    """Topics of the test's own; containers on them end with the test."""
    tmp_path.chmod(0o755)
    with ContainerHarness(bootstrap, tmp_path) as created:
        yield created
