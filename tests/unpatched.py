"""aiokafka as it is without the patches, to show that a bug is still there."""

import pytest
from aiokafka import client, conn
from aiokafka.admin import client as admin_client
from aiokafka.client import AIOKafkaClient
from aiokafka.conn import AIOKafkaConnection
from aiokafka.consumer import consumer, fetcher
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.consumer.group_coordinator import GroupCoordinator, NoGroupCoordinator
from aiokafka.producer import producer
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.record.memory_records import MemoryRecords

FETCH_VERSIONS = FetchRequest._CLASSES
"""All of them, since this is imported before a test applies the patches."""


def undo_patches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undo all patches of `apply_patches` for one test."""
    for module in (consumer, producer, admin_client):
        monkeypatch.setattr(module, "AIOKafkaClient", AIOKafkaClient)
    monkeypatch.setattr(consumer, "GroupCoordinator", GroupCoordinator)
    monkeypatch.setattr(consumer, "NoGroupCoordinator", NoGroupCoordinator)
    monkeypatch.setattr(consumer, "Fetcher", Fetcher)
    monkeypatch.setattr(fetcher, "MemoryRecords", MemoryRecords)
    monkeypatch.setattr(FetchRequest, "_CLASSES", FETCH_VERSIONS)
    monkeypatch.setattr(client, "MetadataRequest", MetadataRequest)
    monkeypatch.setattr(admin_client, "MetadataRequest", MetadataRequest)
    monkeypatch.setattr(conn, "AIOKafkaConnection", AIOKafkaConnection)
