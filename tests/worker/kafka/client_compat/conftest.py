"""aiokafka as it is without the patches, to show that a bug is still there."""

import pytest
from aiokafka.consumer import consumer, fetcher
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.record.memory_records import MemoryRecords


@pytest.fixture
def unpatched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the patches back for one test."""
    monkeypatch.setattr(consumer, "GroupCoordinator", GroupCoordinator)
    monkeypatch.setattr(fetcher, "MemoryRecords", MemoryRecords)
