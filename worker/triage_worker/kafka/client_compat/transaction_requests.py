"""Requests about transactions and stable offsets, which aiokafka does not have, by its protocol classes."""

import struct
from collections.abc import Sequence
from io import BytesIO
from typing import Any

from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    AbstractType,
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Int64,
    Schema,
    TaggedFields,
    UnsignedVarInt32,
)

NAME = CompactString("utf-8")
TAGS = ("tags", TaggedFields)
TOPICS = CompactArray(("topic", NAME), ("partitions", CompactArray(Int32)), TAGS)
NO_TAGS: dict[int, bytes] = {}

Partitions = Sequence[tuple[str, Sequence[int]]]
"""Topics, each with partitions."""


def topics(partitions: Partitions) -> list[tuple[Any, ...]]:
    """Topics as these requests name them."""
    return [(topic, list(numbers), NO_TAGS) for topic, numbers in partitions]


class OffsetFetchResponse_v7(Response):  # noqa: N801 (aiokafka's names)
    """Committed offsets; a partition with an undecided one has error 88, UNSTABLE_OFFSET_COMMIT."""

    API_KEY = 9
    API_VERSION = 7
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "topics",
            CompactArray(
                ("topic", NAME),
                (
                    "partitions",
                    CompactArray(
                        ("partition", Int32),
                        ("offset", Int64),
                        ("leader_epoch", Int32),
                        ("metadata", NAME),
                        ("error_code", Int16),
                        TAGS,
                    ),
                ),
                TAGS,
            ),
        ),
        ("error_code", Int16),
        TAGS,
    )


class OffsetFetchRequest_v7(RequestStruct):  # noqa: N801
    """Asks for committed offsets."""

    API_KEY = 9
    API_VERSION = 7
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = OffsetFetchResponse_v7
    SCHEMA = Schema(("consumer_group", NAME), ("topics", TOPICS), ("require_stable", Boolean), TAGS)


class StableOffsetFetchRequest(Request[OffsetFetchRequest_v7]):
    """Asks for a group's offsets; if they must be stable, one that a transaction may change is an error instead."""

    API_KEY = 9

    def __init__(self, group: str, partitions: Partitions, require_stable: bool = True) -> None:
        self._group = group
        self._partitions = partitions
        self._require_stable = require_stable

    def build(self, request_struct_class: type[OffsetFetchRequest_v7]) -> OffsetFetchRequest_v7:
        """Fill in a version."""
        return request_struct_class(self._group, topics(self._partitions), self._require_stable, NO_TAGS)


class DescribeTransactionsResponse_v0(Response):  # noqa: N801
    """What a transaction coordinator knows of each id."""

    API_KEY = 65
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "transactions",
            CompactArray(
                ("error_code", Int16),
                ("transactional_id", NAME),
                ("state", NAME),
                ("timeout_ms", Int32),
                ("start_time_ms", Int64),
                ("producer_id", Int64),
                ("producer_epoch", Int16),
                ("topics", TOPICS),
                TAGS,
            ),
        ),
        TAGS,
    )


class DescribeTransactionsRequest_v0(RequestStruct):  # noqa: N801
    """Asks a coordinator about transactional ids."""

    API_KEY = 65
    API_VERSION = 0
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = DescribeTransactionsResponse_v0
    SCHEMA = Schema(("transactional_ids", CompactArray(NAME)), TAGS)


class DescribeTransactionsRequest(Request[DescribeTransactionsRequest_v0]):
    """Asks a coordinator about one transactional id."""

    API_KEY = 65

    def __init__(self, transactional_id: str) -> None:
        self._transactional_id = transactional_id

    def build(self, request_struct_class: type[DescribeTransactionsRequest_v0]) -> DescribeTransactionsRequest_v0:
        """Fill in a version."""
        return request_struct_class([self._transactional_id], NO_TAGS)


class OpenProducers(AbstractType[list[tuple[int, int]]]):
    """The producers of a partition that have a transaction open, each with its first offset.

    A partition lists every producer of the last day, which may be thousands. So they are read in one step; those
    without an open transaction are left out.
    """

    ENTRY = struct.Struct(">qiiqiqB")
    """Producer id, epoch, sequence, time, coordinator epoch, first offset or -1, and the number of tagged fields."""

    @classmethod
    def encode(cls, value: list[tuple[int, int]]) -> bytes:
        """Write producers as a broker does; tests use it."""
        entries = [cls.ENTRY.pack(producer, 0, 0, 0, 0, offset, 0) for producer, offset in value]
        return UnsignedVarInt32.encode(len(entries) + 1) + b"".join(entries)

    @classmethod
    def decode(cls, data: BytesIO) -> list[tuple[int, int]]:
        """Read them; an unknown tagged field, which no broker sends so far, takes the slow way."""
        start = data.tell()
        count = max(0, UnsignedVarInt32.decode(data) - 1)
        entries = data.read(count * cls.ENTRY.size)
        if len(entries) == count * cls.ENTRY.size:
            found = list(cls.ENTRY.iter_unpack(entries))
            if not any(entry[-1] for entry in found):
                return [(entry[0], entry[5]) for entry in found if entry[5] >= 0]
        data.seek(start)
        fields = (Int64, Int32, Int32, Int64, Int32, Int64, TaggedFields)
        names = ("producer", "epoch", "sequence", "time", "coordinator", "offset", "tags")
        slow: Any = CompactArray(*zip(names, fields, strict=True)).decode(data)
        return [(entry[0], entry[5]) for entry in slow or [] if entry[5] >= 0]


class DescribeProducersResponse_v0(Response):  # noqa: N801
    """The producers of partitions."""

    API_KEY = 61
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "topics",
            CompactArray(
                ("topic", NAME),
                (
                    "partitions",
                    CompactArray(
                        ("partition", Int32),
                        ("error_code", Int16),
                        ("error_message", NAME),
                        ("producers", OpenProducers),
                        TAGS,
                    ),
                ),
                TAGS,
            ),
        ),
        TAGS,
    )


class DescribeProducersRequest_v0(RequestStruct):  # noqa: N801
    """Asks the leader of partitions."""

    API_KEY = 61
    API_VERSION = 0
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = DescribeProducersResponse_v0
    SCHEMA = Schema(("topics", TOPICS), TAGS)


class DescribeProducersRequest(Request[DescribeProducersRequest_v0]):
    """Asks the leader of partitions for their producers."""

    API_KEY = 61

    def __init__(self, partitions: Partitions) -> None:
        self._partitions = partitions

    def build(self, request_struct_class: type[DescribeProducersRequest_v0]) -> DescribeProducersRequest_v0:
        """Fill in a version."""
        return request_struct_class(topics(self._partitions), NO_TAGS)
