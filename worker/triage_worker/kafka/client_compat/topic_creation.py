"""Keeps aiokafka from creating topics by asking for their metadata.

aiokafka never says that a metadata request must not create topics, and the protocol's default is that it may. On a
cluster with ``auto.create.topics.enable``, which is Kafka's default, a running client would bring a deleted topic back
with the cluster's default number of partitions.
"""

from aiokafka import client
from aiokafka.admin import client as admin_client
from aiokafka.protocol.metadata import MetadataRequest


class LookupRequest(MetadataRequest):
    """A metadata request that never creates a topic."""

    def __init__(self, topics: list[str] | None = None, allow_auto_topic_creation: bool | None = False) -> None:
        super().__init__(topics, bool(allow_auto_topic_creation))


def apply_patch() -> None:
    """Make all clients of this process ask without creating; calling it again changes nothing."""
    client.MetadataRequest = LookupRequest
    admin_client.MetadataRequest = LookupRequest
