"""What the router needs of Faust's insides; the last test of each pair shows Faust alone."""

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import faust
import pytest
from aiokafka.errors import TopicAuthorizationFailedError
from faust.streams import current_event
from faust.tables import TableManager
from faust.tables.recovery import Recovery
from faust.transport.drivers import aiokafka as aiokafka_driver
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from mode import Service
from triage_worker.kafka.client_compat import faust as faust_compat
from triage_worker.kafka.client_compat.faust import (
    LOGGER,
    ReadyTables,
    current_partition,
    stop_app,
    stop_until_seek,
    watch_topics,
)

ONE, TWO = b"one", b"two"


@pytest.fixture
def app(tmp_path: Path) -> Any:
    """An application that is not started, with a table on disk."""
    return faust.App("app", store="rocksdb://", datadir=str(tmp_path), autodiscover=False, TableManager=ReadyTables)


@pytest.fixture
def table(app: Any) -> Any:
    pytest.importorskip("rocksdict")
    return app.Table("table", key_type=bytes, value_type=bytes, partitions=2)


class RecordedTables:
    """A table manager's dependencies, which note what is done to them."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.should_stop = False
        self.recovery = SimpleNamespace(start=self._noting("recover"))

    async def sleep(self, seconds: float) -> None:
        self.done.append(f"sleep {seconds}")

    async def _update_channels(self) -> None:
        self.done.append("open")

    def _noting(self, name: str) -> Any:
        async def note() -> None:
            self.done.append(name)

        return note


async def test_ready_tables_are_opened_at_once() -> None:
    recorded: Any = RecordedTables()
    await ReadyTables.on_start(recorded)
    assert recorded.done == ["open", "recover"]


async def test_faust_alone_waits_a_second_before_it_opens_tables() -> None:
    recorded: Any = RecordedTables()
    await TableManager.on_start(recorded)
    assert recorded.done == ["sleep 1.0", "open", "recover"]


def test_an_application_uses_them_and_logs_under_their_name(app: Any) -> None:
    assert type(app.tables) is ReadyTables
    assert app.tables.log.logger.name == LOGGER


def test_a_table_works_on_the_partition_that_is_named(table: Any) -> None:
    for partition, value in ((0, ONE), (1, TWO)):
        with current_partition("intents", partition):
            table.data[b"key"] = value
    for partition, value in ((0, ONE), (1, TWO)):
        with current_partition("intents", partition):
            assert table.data.get(b"key") == value
    with current_partition("intents", 0):
        table.data.pop(b"key")
        assert table.data.get(b"key") is None
    with current_partition("intents", 1):
        assert table.data.get(b"key") == TWO
    assert current_event() is None


def test_faust_alone_cannot_write_outside_of_a_stream(table: Any) -> None:
    with pytest.raises(AssertionError):
        table.data[b"key"] = ONE


class RecordedConsumer:
    """Faust's consumer, which notes when the flow is open as partitions are resumed and positions are sought."""

    def __init__(self) -> None:
        self.flow_active = True
        self.done: list[tuple[str, bool]] = []

    def assignment(self) -> set[Any]:
        return {("intents", 0)}

    def stop_flow(self) -> None:
        self.flow_active = False

    def resume_flow(self) -> None:
        self.flow_active = True

    def resume_partitions(self, _: Any) -> None:
        self.done.append(("resume", self.flow_active))

    async def perform_seek(self) -> None:
        self.done.append(("seek", self.flow_active))


SUBSCRIPTION = SimpleNamespace(topics=frozenset({"intents", "counts"}))


async def recover(when_complete: Any) -> RecordedConsumer:
    """Let Faust go through the end of a rebalance, with a handler of ours."""
    consumer = RecordedConsumer()
    app = SimpleNamespace(consumer=consumer, consumer_generation_id=1)

    async def send() -> None:
        when_complete(app)

    async def wait(awaitable: Any, **_: Any) -> None:
        await awaitable

    async def start() -> None: ...

    nothing = SimpleNamespace(set=lambda: None, resume=lambda: None, info=lambda _: None, dev=lambda _: None)
    app.on_rebalance_complete = SimpleNamespace(send=send)
    app.conf = SimpleNamespace(broker_request_timeout=1)
    app.flow_control = nothing
    app._fetcher = SimpleNamespace(maybe_start=start)
    app.on_rebalance_end = lambda: None
    recovery: Any = SimpleNamespace(
        app=app,
        log=nothing,
        completed=nothing,
        tables=SimpleNamespace(on_actives_ready=lambda: None, on_standbys_ready=lambda: None),
        _wait=wait,
        _is_changelog_tp=lambda _: False,
    )
    await Recovery._resume_streams(recovery, generation_id=1)
    assert consumer.flow_active
    return consumer


async def test_nothing_is_read_between_a_rebalance_and_the_seek() -> None:
    assert (await recover(stop_until_seek)).done == [("resume", False), ("seek", False)]


async def test_faust_alone_reads_on_before_it_has_sought() -> None:
    assert (await recover(lambda _: None)).done == [("resume", True), ("seek", True)]


async def test_a_hidden_topic_of_the_application_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faust_compat, "TOPIC_CHECK_INTERVAL_S", 0.001)
    thread = SimpleNamespace(_consumer=None)
    watching = asyncio.create_task(watch_topics(SimpleNamespace(consumer=SimpleNamespace(_thread=thread))))
    cluster = SimpleNamespace(unauthorized_topics={"theirs"})
    for made in (None, SimpleNamespace(_client=SimpleNamespace(cluster=cluster), _subscription=SUBSCRIPTION)):
        thread._consumer = made
        await asyncio.sleep(0.02)
        assert not watching.done()
    cluster.unauthorized_topics = {"intents", "theirs"}
    with pytest.raises(TopicAuthorizationFailedError) as caught:
        async with asyncio.timeout(10):
            await watching
    assert caught.value.args == ({"intents"},)


def test_faust_alone_asks_for_records_only() -> None:
    """It never calls `check_errors`, which raises what aiokafka found in other requests."""
    assert "check_errors" not in inspect.getsource(aiokafka_driver)
    assert "fetched_records" in AIOKafkaConsumerThread._fetch_records.__code__.co_names


@pytest.fixture
def thread() -> Iterator[threading.Thread]:
    """A thread that runs until the end of the test."""
    ended = threading.Event()
    running = threading.Thread(target=ended.wait)
    running.start()
    yield running
    ended.set()
    running.join()


def stopping_app(stop: Callable[[], Awaitable[None]], thread: threading.Thread | None = None) -> Any:
    """An application whose consumer has a thread; the loop of the thread is closed, as after the thread's end."""
    loop = asyncio.new_event_loop()
    loop.close()

    async def close() -> None: ...

    connected = SimpleNamespace(_client=SimpleNamespace(close=close))
    consumer = SimpleNamespace(_thread=SimpleNamespace(_consumer=connected, thread_loop=loop, _thread=thread))
    return SimpleNamespace(stop=stop, consumer=consumer, producer=None)


async def finish() -> None: ...


async def fail() -> None:
    raise RuntimeError("Event loop is closed")


async def hang() -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize(("stop", "in_order"), [(finish, True), (fail, False), (hang, False)])
async def test_an_application_whose_thread_has_ended_is_stopped(
    stop: Callable[[], Awaitable[None]],
    in_order: bool,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(faust_compat, "STOP_TIMEOUT_S", 0.01)
    stopped = await stop_app(stopping_app(stop))
    assert stopped.in_order is in_order
    assert stopped.failed is (stop is fail)
    assert ("RuntimeError: Event loop is closed" in caplog.text) == (stop is fail)


async def test_a_thread_that_still_runs_is_noticed(thread: threading.Thread) -> None:
    assert not (await stop_app(stopping_app(finish, thread))).in_order
    assert (await stop_app(stopping_app(finish, threading.Thread()))).in_order


async def test_an_error_that_comes_from_closing_the_connections_is_no_failure(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    closed = asyncio.Event()

    async def fail_without_connections() -> None:
        await closed.wait()
        raise ConnectionError("closed")

    async def close_connections(_: Any) -> None:
        closed.set()

    monkeypatch.setattr(faust_compat, "STOP_TIMEOUT_S", 0.01)
    monkeypatch.setattr(faust_compat, "_close_connections", close_connections)
    assert await stop_app(stopping_app(fail_without_connections)) == (False, False)
    assert "ConnectionError: closed" in caplog.text


def test_faust_alone_only_logs_that_a_thread_was_not_stopped() -> None:
    assert "Error while stopping child" in inspect.getsource(Service._default_stop_children)
