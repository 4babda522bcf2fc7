"""Asks the broker what this user may do (KIP-430), which changes nothing.

aiokafka does not know the versions of two requests in whose answers this is: of topics it asks for older ones, and of
groups it reads the answer by an older one.
"""

from collections.abc import Collection, Mapping
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    IncompatibleBrokerVersion,
    NoError,
    TopicAuthorizationFailedError,
    for_code,
)
from aiokafka.protocol.admin import DescribeGroupsRequest, DescribeGroupsRequest_v3, DescribeGroupsResponse_v3
from aiokafka.protocol.api import RequestStruct, Response
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.protocol.types import Array, Boolean, Int16, Int32, Schema, String

Operations = frozenset[str]
"""Operations by their names in Kafka's documentation, such as "Write"."""

BITS = {3: "Read", 4: "Write", 5: "Create", 8: "Describe"}
"""The operations that Triage needs, by their place in an answer."""

NOT_TOLD = -(2**31)


class TopicOperationsResponse(Response):
    """The answer to a metadata request of version 8."""

    API_KEY = 3
    API_VERSION = 8
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            Array(("node_id", Int32), ("host", String("utf-8")), ("port", Int32), ("rack", String("utf-8"))),
        ),
        ("cluster_id", String("utf-8")),
        ("controller_id", Int32),
        (
            "topics",
            Array(
                ("error_code", Int16),
                ("topic", String("utf-8")),
                ("is_internal", Boolean),
                (
                    "partitions",
                    Array(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", Array(Int32)),
                        ("isr", Array(Int32)),
                        ("offline_replicas", Array(Int32)),
                    ),
                ),
                ("authorized_operations", Int32),
            ),
        ),
        ("cluster_authorized_operations", Int32),
    )


class TopicOperationsStruct(RequestStruct):
    """A metadata request of version 8."""

    API_KEY = 3
    API_VERSION = 8
    RESPONSE_TYPE = TopicOperationsResponse
    SCHEMA = Schema(
        ("topics", Array(String("utf-8"))),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
    )


class TopicOperationsRequest(MetadataRequest):
    """Asks for topics with what this user may do with each, and creates none."""

    def build(self, request_struct_class: Any) -> Any:
        """Make the request of the version that the broker knows."""
        return request_struct_class(self._topics, False, False, True)


class GroupOperationsStruct(DescribeGroupsRequest_v3):
    """A request for groups whose answer is read by its own version."""

    RESPONSE_TYPE = DescribeGroupsResponse_v3


class GroupOperationsRequest(DescribeGroupsRequest):
    """Asks for groups with what this user may do with each."""


# aiokafka sets this when it makes the class, to the versions that it knows.
TopicOperationsRequest._CLASSES = (TopicOperationsStruct,)
GroupOperationsRequest._CLASSES = (GroupOperationsStruct,)


async def topic_operations(admin: AIOKafkaAdminClient, topics: Collection[str]) -> dict[str, Operations] | None:
    """Return what this user may do with topics: nothing with those that the broker hides.

    Topics that do not exist are left out. None: the broker does not tell.

    Raises:
        KafkaError: the broker failed.
    """
    try:
        response = await admin._send_request(TopicOperationsRequest(list(topics)))
    except (NotImplementedError, IncompatibleBrokerVersion):
        return None
    operations: dict[str, Operations] = {}
    for code, topic, _, _, bits in response.topics:
        if for_code(code) is TopicAuthorizationFailedError:
            operations[topic] = frozenset()
        elif code == 0 and bits != NOT_TOLD:
            operations[topic] = _named(bits)
        elif code == 0:
            return None
    return operations


async def group_operations(admin: AIOKafkaAdminClient, group: str) -> Operations | None:
    """Return what this user may do with a group, whether or not it has members; None: the brokers do not tell.

    All brokers are asked in turn: to ask which one coordinates the group would create Kafka's topic of groups, where
    there is none yet.

    Raises:
        KafkaError: a broker failed.
    """
    for broker in (await admin.describe_cluster())["brokers"]:
        try:
            response = await admin._send_request(GroupOperationsRequest([group], True), broker["node_id"])
        except (NotImplementedError, IncompatibleBrokerVersion):
            return None
        ((code, *_, bits),) = response.groups
        if for_code(code) is GroupAuthorizationFailedError:
            return frozenset()
        if code == 0 and bits != NOT_TOLD:
            return _named(bits)
    return None


async def may_create(admin: AIOKafkaAdminClient, topics: Collection[str]) -> Mapping[str, bool]:
    """Return whether this user may create each of these topics, which do not exist; the broker only validates.

    Topics of which the broker says something else are left out.

    Raises:
        KafkaError: the controller did not answer.
    """
    try:
        response = await admin.create_topics([NewTopic(topic, 1, 1) for topic in topics], validate_only=True)
    except (NotImplementedError, IncompatibleBrokerVersion):
        return {}
    answers = {topic: for_code(code) for topic, code, *_ in response.topic_errors}
    return {
        topic: error is NoError
        for topic, error in answers.items()
        if error is NoError or error is TopicAuthorizationFailedError
    }


def _named(bits: int) -> Operations:
    return frozenset(name for place, name in BITS.items() if bits >> place & 1)
