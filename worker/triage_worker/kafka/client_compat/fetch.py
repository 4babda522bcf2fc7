"""Patches aiokafka to fetch from the leaders of partitions only.

Since version 11 of the fetch request, a broker also answers consumers for partitions that it does not lead. aiokafka
0.14 uses that version even if no rack is set, and takes every answer for a leader's. After a leader has moved, a
consumer asks the old one until it learns of the new one. If the old one has a new and shorter copy of the partition, it
answers that the offset is out of range. aiokafka then goes to the beginning of the partition or, with
``auto_offset_reset=latest``, to its end: messages are read twice, or skipped. Up to version 10, the old leader answers
that it does not lead.
"""

from aiokafka.protocol.fetch import FetchRequest

FOLLOWER_VERSION = 11
"""The first version of the request that followers answer."""


def apply_patch() -> None:
    """Make all consumers of this process use older versions of the fetch request."""
    FetchRequest._CLASSES = tuple(
        version for version in FetchRequest._CLASSES if version.API_VERSION < FOLLOWER_VERSION
    )
