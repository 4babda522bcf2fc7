"""The Faust application: two agents, which only hand their events over, and two tables with changelogs."""

import logging
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import faust
from yarl import URL

from triage_worker.config.settings import Settings
from triage_worker.kafka.client_compat import faust as faust_compat
from triage_worker.kafka.client_compat.patches import apply_patches
from triage_worker.kafka.connection import connection
from triage_worker.router.batches import Batches
from triage_worker.router.topics import RouterTopics

COMMIT_S = 0.5
CACHE_BYTES = 32 * 1_048_576
ROCKSDB = {
    "block_cache_size": CACHE_BYTES,
    "write_buffer_size": CACHE_BYTES,
    "max_write_buffer_number": 2,
    "target_file_size_base": CACHE_BYTES,
}
"""Of each table and partition: open tickets are small, and partitions may be many."""


class RouterApp(NamedTuple):
    """The application and its tables."""

    app: Any
    conversations: Any
    rates: Any


def build(settings: Settings, topics: RouterTopics, *, partitions: int, replicas: int, folder: Path) -> RouterApp:
    """The application, without agents.

    Args:
        settings: connection, group and times.
        topics: names.
        partitions: of the intents topic, and so of the tables.
        replicas: of the tables' changelogs.
        folder: for the tables on disk.
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
        broker_heartbeat_interval=settings.heartbeat_ms / 1_000,
        broker_max_poll_interval=settings.max_poll_interval_ms / 1_000,
        broker_commit_interval=COMMIT_S,
        stream_wait_empty=False,
        TableManager=faust_compat.ReadyTables,
        loghandlers=[],
    )
    options = ROCKSDB if find_spec("rocksdict") else {}
    conversations, rates = (
        app.Table(name, partitions=partitions, key_type=bytes, value_type=bytes, options=dict(options))
        for name in ("conversations", "rates")
    )
    return RouterApp(app, conversations, rates)


def hand_over(app: Any, names: Iterable[str], batches: Batches, agent: str) -> None:
    """Give every event of some topics to the batches, which acknowledge it. Nothing here can fail on what is in it."""
    # Bytes as they are: what they mean is not for Faust to judge, which drops what it cannot read.
    topic = app.topic(*names, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")

    async def work(stream: Any) -> None:
        async for event in stream.noack().events():
            await batches.put(event)

    app.agent(topic, name=agent)(work)


def _credentials(settings: Settings) -> Any:
    """Faust's way to say what `connection` says."""
    arguments = connection(settings)
    context = arguments.get("ssl_context")
    if settings.security_protocol.startswith("SASL_"):
        return faust.SASLCredentials(
            username=arguments["sasl_plain_username"],
            password=arguments["sasl_plain_password"],
            mechanism=arguments["sasl_mechanism"],
            ssl_context=context,
        )
    return None if context is None else faust.SSLCredentials(context)


def quiet(level: int) -> None:
    """Faust says much at INFO that operators need not read."""
    for name in ("faust", "mode", "aiokafka", "kafka", faust_compat.LOGGER):
        logging.getLogger(name).setLevel(max(logging.WARNING, level))
