"""Makes the Kafka clients, so that each has the same time-outs, isolation level and patches.

Two exceptions: Faust makes the router's consumer (`router.faust_app`), and `bench.plain_loop` uses aiokafka's defaults.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from triage_schemas.channels import Service

from triage_worker.config.errors import TriageError
from triage_worker.config.settings import Settings
from triage_worker.kafka.client_compat.cooperative_assignor import cooperative_strategy
from triage_worker.kafka.client_compat.first_broker import PatchedAdminClient
from triage_worker.kafka.client_compat.patches import apply_patches
from triage_worker.kafka.client_compat.producer import set_hand_over_timeout
from triage_worker.kafka.client_compat.transactions import RETRY_BACKOFF_MS, hide_verification_warnings
from triage_worker.kafka.connection import check_connection, connection_arguments

METADATA_MAX_AGE_MS = 10_000
"""How soon a client notices a topic that was deleted and created again, or that has more partitions."""

REQUEST_TIMEOUT_MS = 15_000
"""A broker that hangs, or a network that drops its answers, costs this long, or twice: once for the pending request and
once for the request that asks for the new leader, if it goes to the same broker. aiokafka's default is 40 s."""

HAND_OVER_TIMEOUT_MS = 40_000
"""How long a producer's full queue may wait for a broker before the producer is replaced."""

FETCH_MAX_BYTES = 16 * 1024 * 1024

FETCH_PARTITION_BYTES = 128 * 1024
"""Partitions with a backlog take turns of one fetch each, so this limits how long they wait for one another; with the
usual mebibyte they would wait for thousands of messages. A larger batch of records still arrives whole."""

MAX_REQUEST_BYTES = 64 * 1024 * 1024
"""Only the broker knows how large a record of a topic may be, so the client does not refuse records below this size."""

MAX_BATCH_BYTES = 64 * 1024

ADMIN_TIMEOUT_MS = 15_000


def group_consumer(settings: Settings, service: Service, *topics: str, **overrides: Any) -> AIOKafkaConsumer:
    """Make a consumer in the group of a service, not started. It reads committed records and commits nothing itself.

    Args:
        settings: connection, group and time-outs.
        service: whose group.
        topics: to subscribe to.
        overrides: arguments of `AIOKafkaConsumer` that differ from the defaults here.
    """
    apply_patches()
    arguments: dict[str, Any] = {
        "group_id": settings.group(service),
        "group_instance_id": settings.group_instance_id,
        "auto_offset_reset": settings.auto_offset_reset,
        "enable_auto_commit": False,
        "isolation_level": "read_committed",
        "session_timeout_ms": settings.session_timeout_ms,
        "heartbeat_interval_ms": settings.heartbeat_ms,
        "max_poll_interval_ms": settings.max_poll_interval_ms,
        "fetch_max_bytes": FETCH_MAX_BYTES,
        "max_partition_fetch_bytes": FETCH_PARTITION_BYTES,
        "fetch_max_wait_ms": settings.fetch_max_wait_ms,
        "metadata_max_age_ms": METADATA_MAX_AGE_MS,
        "request_timeout_ms": REQUEST_TIMEOUT_MS,
    }
    return AIOKafkaConsumer(*topics, **connection_arguments(settings), **(arguments | overrides))


def cooperative_consumer(settings: Settings, service: Service) -> AIOKafkaConsumer:
    """Make a consumer like `group_consumer`, which keeps its partitions over a rebalance where it can.

    Its rebalance listener is told of the partitions that come and go. It must have a property `keeps_partitions`: while
    that is false, all partitions are revoked at each rebalance.
    """
    return group_consumer(settings, service, partition_assignment_strategy=cooperative_strategy())


def topic_consumer(settings: Settings, **overrides: Any) -> AIOKafkaConsumer:
    """Make a consumer without a group, not started, which reads committed records of topics from their beginning.

    Args:
        settings: connection.
        overrides: arguments of `AIOKafkaConsumer` that differ from the defaults here.
    """
    apply_patches()
    arguments: dict[str, Any] = {
        "enable_auto_commit": False,
        "auto_offset_reset": "earliest",
        "isolation_level": "read_committed",
        "request_timeout_ms": REQUEST_TIMEOUT_MS,
    }
    return AIOKafkaConsumer(**connection_arguments(settings), **(arguments | overrides))


def producer(settings: Settings, **overrides: Any) -> AIOKafkaProducer:
    """Make a producer that waits for all in-sync replicas, not started; idempotent unless the settings turn it off.

    Args:
        settings: connection.
        overrides: arguments of `AIOKafkaProducer` that differ from the defaults here.
    """
    return _producer(settings, enable_idempotence=settings.idempotence, **overrides)


def transactional_producer(settings: Settings, transactional_id: str) -> AIOKafkaProducer:
    """Make a producer for a transactional id, not started; starting it fences the previous one with this id."""
    hide_verification_warnings()
    return _producer(settings, transactional_id=transactional_id, retry_backoff_ms=RETRY_BACKOFF_MS)


def _producer(settings: Settings, **overrides: Any) -> AIOKafkaProducer:
    apply_patches()
    arguments: dict[str, Any] = {
        "acks": "all",
        "max_request_size": MAX_REQUEST_BYTES,
        "max_batch_size": MAX_BATCH_BYTES,
        "request_timeout_ms": REQUEST_TIMEOUT_MS,
    }
    made = AIOKafkaProducer(**connection_arguments(settings), **(arguments | overrides))
    set_hand_over_timeout(made, HAND_OVER_TIMEOUT_MS)
    return made


@asynccontextmanager
async def admin_client(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    """Open a client that creates and describes topics.

    Raises:
        ConfigError: no broker answers, or the login is refused; says what to change.
        TriageError: the broker failed later.
    """
    await check_connection(settings)
    try:
        async with bare_admin_client(settings) as admin:
            yield admin
    except (KafkaError, TimeoutError) as error:
        raise TriageError(
            f"{settings.bootstrap_servers} answered, then failed ({type(error).__name__}: {error}): try again, and see "
            f"whether all brokers are up and reachable by the names that they advertise."
        ) from error


@asynccontextmanager
async def bare_admin_client(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    """Open a client like `admin_client`, which raises aiokafka's errors as they are.

    Raises:
        KafkaError: no broker answers, or one failed.
    """
    apply_patches()
    admin = PatchedAdminClient(**connection_arguments(settings), request_timeout_ms=ADMIN_TIMEOUT_MS)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()
