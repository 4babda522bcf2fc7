"""The Faust application: agents that pass their events to a batcher, and two tables with changelogs."""

import logging
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import faust
from yarl import URL

from triage_worker.config.settings import Settings
from triage_worker.kafka.client_compat import faust as faust_compat
from triage_worker.kafka.client_compat.faust_consumer import CommittedTransport
from triage_worker.kafka.client_compat.patches import apply_patches
from triage_worker.kafka.clients import REQUEST_TIMEOUT_MS
from triage_worker.kafka.connection import connection_arguments
from triage_worker.router.event_batcher import EventBatcher
from triage_worker.router.topics import RouterTopics

COMMIT_S = 0.5
RECOVERY_STEP_S = 90.0
"""How long each step of recovering the tables may take. Faust refuses a session time-out above it, for it is also its
time-out of requests; `CommittedTransport` sets that of its own."""

CACHE_BYTES = 32 * 1_048_576
ROCKSDB = {
    "block_cache_size": CACHE_BYTES,
    "write_buffer_size": CACHE_BYTES,
    "max_write_buffer_number": 2,
    "target_file_size_base": CACHE_BYTES,
}
"""Options for each table and partition. The memory is small, since values are small and partitions can be many."""


class RouterApp(NamedTuple):
    """The Faust application and its tables.

    Attributes:
        app: the application.
        conversations: the table of conversations.
        rates: the table of the intents' rates.
    """

    app: Any
    conversations: Any
    rates: Any


def build(settings: Settings, topics: RouterTopics, *, partitions: int, replicas: int, folder: Path) -> RouterApp:
    """Build the application without agents.

    Args:
        settings: the connection, the group and its time-outs.
        topics: the names of the topics.
        partitions: the number of partitions of the intents topic, and so of the tables.
        replicas: the replication factor of the tables' changelogs.
        folder: where the tables are on disk.
    """
    apply_patches()
    app = faust.App(
        settings.group("router"),
        broker=[URL(f"kafka://{server}") for server in settings.bootstrap_servers.split(",")],
        broker_credentials=_credentials(settings),
        store="rocksdb://" if find_spec("rocksdict") else "memory://",
        datadir=str(folder),
        autodiscover=False,
        web_enabled=False,
        topic_disable_leader=True,
        topic_partitions=partitions,
        topic_replication_factor=replicas,
        table_standby_replicas=0,
        consumer_auto_offset_reset=settings.auto_offset_reset,
        consumer_group_instance_id=settings.group_instance_id,
        broker_session_timeout=settings.session_timeout_ms / 1_000,
        broker_request_timeout=max(RECOVERY_STEP_S, settings.session_timeout_ms / 1_000),
        broker_heartbeat_interval=settings.heartbeat_ms / 1_000,
        broker_max_poll_interval=settings.max_poll_interval_ms / 1_000,
        broker_commit_interval=COMMIT_S,
        stream_wait_empty=False,
        TableManager=faust_compat.ReadyTables,
        loghandlers=[],
    )
    app.transport = CommittedTransport(app, REQUEST_TIMEOUT_MS)
    options = ROCKSDB if find_spec("rocksdict") else {}
    conversations, rates = (
        app.Table(name, partitions=partitions, key_type=bytes, value_type=bytes, options=dict(options))
        for name in ("conversations", "rates")
    )
    return RouterApp(app, conversations, rates)


def add_agent(app: Any, name: str, topics: Iterable[str], batcher: EventBatcher) -> None:
    """Add an agent that passes every event of some topics to a batcher, which acknowledges it."""
    # Keys and values stay raw bytes: Faust drops records that its serializers cannot read.
    topic = app.topic(*topics, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")

    async def consume(stream: Any) -> None:
        async for event in stream.noack().events():
            await batcher.put(event)

    app.agent(topic, name=name)(consume)


def _credentials(settings: Settings) -> Any:
    """The credentials of `connection_arguments`, as Faust takes them."""
    arguments = connection_arguments(settings)
    context = arguments.get("ssl_context")
    if settings.logs_in_by_token:
        return faust.OAuthCredentials(oauth_cb=arguments["sasl_oauth_token_provider"], ssl_context=context)
    if settings.security_protocol.startswith("SASL_"):
        return faust.SASLCredentials(
            username=arguments["sasl_plain_username"],
            password=arguments["sasl_plain_password"],
            mechanism=arguments["sasl_mechanism"],
            ssl_context=context,
        )
    return None if context is None else faust.SSLCredentials(context)


def limit_client_logs(level: int) -> None:
    """Log Faust and its clients at ``level``, but not below WARNING: their INFO is of no use to operators."""
    for name in ("faust", "mode", "aiokafka", "kafka", faust_compat.LOGGER):
        logging.getLogger(name).setLevel(max(logging.WARNING, level))
