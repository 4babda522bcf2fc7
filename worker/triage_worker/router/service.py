"""The process of the router: connects it, serves its health checks and metrics, and shuts it down."""

import asyncio
import logging
import os
import tempfile
import traceback
from contextlib import AbstractContextManager, AsyncExitStack, nullcontext
from pathlib import Path
from typing import NoReturn

from triage_worker.config.errors import BAD_INPUT, ConfigError, TriageError, print_error
from triage_worker.config.settings import Settings
from triage_worker.kafka import topics as shared_topics
from triage_worker.kafka.authorization import required
from triage_worker.kafka.broker_contact import BrokerContact
from triage_worker.kafka.client_compat.producer import abandon
from triage_worker.kafka.clients import producer
from triage_worker.kafka.event_reader import opened_reader
from triage_worker.kafka.event_schemas import EventSchemas, written_channels
from triage_worker.kafka.topic_plan import required_operations
from triage_worker.observability import tracing
from triage_worker.observability.http import serving
from triage_worker.resilience.file_descriptors import raise_limit
from triage_worker.router import faust_app
from triage_worker.router.router import Router
from triage_worker.router.topic_setup import create_internal_topics
from triage_worker.router.topics import RouterTopics
from triage_worker.routing.routes_file import DEFAULT_ROUTES, RoutesFile
from triage_worker.streaming import process_end
from triage_worker.streaming.signals import StoppedError, stop_on_signals, unless_stopped

log = logging.getLogger(__name__)

PRODUCER_LINGER_MS = 2
"""How long the producer waits for more records of a batch: an event's outputs go to several topics and partitions."""

ROCKSDB_IO_ERROR = "IO error"
ROCKSDB_LOCKED = "IO error: While lock file"


def run(settings: Settings) -> int:
    """Run the router until SIGTERM or SIGINT, and return the exit code.

    Raises:
        TriageError: the router cannot start; the message says what to change.
    """
    return process_end.run(serve(settings))


async def serve(settings: Settings) -> int:
    """Do what `run` does, inside a running event loop."""
    raise_limit()
    stop = stop_on_signals()
    topics = RouterTopics.from_settings(settings)
    router = Router(topics, RoutesFile(settings.routes or DEFAULT_ROUTES))
    faust_app.limit_client_logs(logging.getLevelName(settings.log_level))
    failure: Exception | None = None
    try:
        with required():
            await _serve(settings, topics, router, stop)
    except Exception as error:
        problem = state_problem(error, settings.state_dir)
        if router.stopped.in_order:
            if problem is None:
                raise
            raise problem from error
        failure = problem or error
    if not router.stopped.in_order:
        _exit_without_faust(failure, code=1 if router.stopped.failed else 0)
    return 0


async def _serve(settings: Settings, topics: RouterTopics, router: Router, stop: asyncio.Event) -> None:
    schemas, needed = EventSchemas(settings), required_operations("router")
    contact: BrokerContact | None = None

    def not_ready() -> str | None:
        return schemas.problem or (contact and contact.problem) or router.not_ready()

    async with AsyncExitStack() as stack:
        await stack.enter_async_context(
            serving(
                settings.http_host,
                settings.http_port,
                alive=router.not_alive,
                ready=not_ready,
                registry=router.metrics.registry,
            )
        )
        try:
            await unless_stopped(stop, shared_topics.require(settings, needed))
            encoding = await unless_stopped(stop, schemas.encoding(written_channels(needed)))
            reader = await stack.enter_async_context(opened_reader(settings, router.metrics.registry))
            layout = await unless_stopped(stop, create_internal_topics(settings, topics))
            folder = stack.enter_context(_state_folder(settings.state_dir))
            built = faust_app.build(
                settings, topics, partitions=layout.partitions, replicas=layout.replicas, folder=Path(folder)
            )
            sender = producer(settings, linger_ms=PRODUCER_LINGER_MS)
            stack.push_async_callback(abandon, sender)
            await unless_stopped(stop, sender.start())
        except StoppedError:
            log.info("Stopped before the start was complete")
            return
        traces = stack.enter_context(tracing.started("router", settings.group("router")))
        router.connect(built, sender, traces, reader, encoding)
        contact = BrokerContact(settings)
        stack.callback(asyncio.create_task(contact.run(), name="contact").cancel)
        await router.run(stop)
    log.info("Stopped")


def _exit_without_faust(failure: Exception | None, *, code: int) -> NoReturn:
    """End the process at once, with what made it fail as its last words.

    A thread of Faust may still run. It would keep the process running, or fail once the event loop is closed.

    Args:
        failure: ends the process with a code of its own.
        code: the exit code without a failure.
    """
    log.warning("Faust did not stop in order: the process exits without it")
    if isinstance(failure, TriageError):
        print_error(failure)
        code = BAD_INPUT
    elif failure is not None:
        traceback.print_exception(failure)
        code = 1
    logging.shutdown()
    os._exit(code)


def state_problem(error: Exception, state_dir: Path | None) -> TriageError | None:
    """Explain an error of the disk with the tables; None for any other error.

    Args:
        error: that ended the router.
        state_dir: TRIAGE_STATE_DIR; None if the tables are in a temporary folder.
    """
    if not str(error).startswith(ROCKSDB_IO_ERROR):  # RocksDB's binding raises `Exception` for all of its errors
        return None
    folder = f"TRIAGE_STATE_DIR={state_dir}" if state_dir else "the temporary folder"
    advice = "make room on that disk, or empty the folder; the tables are then read from their changelogs"
    if str(error).startswith(ROCKSDB_LOCKED):  # to empty it would take the tables from the process that has them
        advice = "another process uses them: stop it, or give each router a folder of its own"
    return TriageError(f"The router's tables in {folder} cannot be read or written ({error}): {advice}.")


def _state_folder(state_dir: Path | None) -> AbstractContextManager[str | Path]:
    """The folder of the tables: TRIAGE_STATE_DIR, or else a temporary one that is removed at the end."""
    if state_dir is None:
        return tempfile.TemporaryDirectory(prefix="triage-router-", ignore_cleanup_errors=True)
    try:
        state_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"TRIAGE_STATE_DIR={state_dir} cannot be created: {error.strerror}.") from None
    return nullcontext(state_dir)
