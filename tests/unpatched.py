"""aiokafka as it is without the patches, to show that a bug is still there."""

import pytest
from aiokafka.consumer import consumer, fetcher
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.record.memory_records import MemoryRecords

FETCH_VERSIONS = FetchRequest._CLASSES
"""All of them, since this is imported before a test applies the patches."""


def take_patches_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take all patches of consumers back for one test."""
    monkeypatch.setattr(consumer, "GroupCoordinator", GroupCoordinator)
    monkeypatch.setattr(fetcher, "MemoryRecords", MemoryRecords)
    monkeypatch.setattr(FetchRequest, "_CLASSES", FETCH_VERSIONS)
