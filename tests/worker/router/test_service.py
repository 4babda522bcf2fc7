"""The router as a process, on the embedded broker, which needs no Java."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import TopicAuthorizationFailedError
from aiokafka.structs import ConsumerRecord
from triage_worker.config.settings import Settings
from triage_worker.demo.embedded_broker import embedded_broker
from triage_worker.kafka import topics
from triage_worker.kafka.client_compat import faust as faust_compat
from triage_worker.kafka.sending import send_record
from triage_worker.router import router as router_module
from triage_worker.router import service
from triage_worker.router.event_batcher import EventBatcher
from triage_worker.router.faust_app import RouterApp
from triage_worker.router.router import Router
from triage_worker.routing.routes_file import DEFAULT_ROUTES, RoutesFile

from tests.records import json_of
from tests.worker.kafka.client_compat.scripted_broker import never, scripted_broker
from tests.worker.router.fakes import TOPICS
from tests.worker.router.intents import intent_event

TIMEOUT_S = 60
STOP_LIMIT_S = 5

NO_THREAD = SimpleNamespace(_thread=SimpleNamespace(_thread=None))
"""The consumer of a Faust application that has not started its thread."""

FAILING = """
import asyncio, threading
from aiokafka.errors import TopicAuthorizationFailedError
from triage_worker.config.settings import Settings
from triage_worker.kafka.client_compat.faust import Stopped
from triage_worker.router import service
from triage_worker.router.router import Router

async def run(router, *_):
    loop = asyncio.get_running_loop()

    def use_loop():
        while True:
            loop.call_soon_threadsafe(print)

    threading.Thread(target=use_loop).start()
    router._stopped = Stopped(in_order=False, failed={failed})
    {failure}

service._serve = lambda settings, topics, router, stop: run(router)
from triage_worker.cli.main import main
main()
"""
"""The router, with a thread of Faust that is not stopped, and uses the event loop."""


@pytest.fixture
async def settings(tmp_path: Path) -> AsyncIterator[Settings]:
    async with embedded_broker() as servers:
        made = Settings(
            bootstrap_servers=servers,
            idempotence=False,
            session_timeout_ms=6_000,
            http_port=0,
            state_dir=tmp_path / "state",
        )
        await topics.create(made, partitions=2, replicas=None)
        yield made


async def test_intents_become_a_ticket_and_sigterm_stops_the_router(settings: Settings) -> None:
    given = settings.model_dump(
        include={"bootstrap_servers", "idempotence", "session_timeout_ms", "http_port", "state_dir"}
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TRIAGE_")}
    environment |= {f"TRIAGE_{name.upper()}": str(value) for name, value in given.items()}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "triage_worker", "router", env=environment, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with AIOKafkaProducer(bootstrap_servers=settings.bootstrap_servers) as producer:
            await send_record(producer, settings.output_topic, key=None, value=None, headers=[])
            for number, intent in enumerate(["WISMO", "DAMAGED_ITEM", "WISMO"]):
                event = intent_event(number, intent=intent)
                await producer.send_and_wait(settings.output_topic, event.write(), key=b"chat-1")
        async with asyncio.timeout(TIMEOUT_S):
            tickets = [json_of(record) for record in await _read(settings, settings.tickets_topic, 3)]
            (dead_letter,) = await _read(settings, settings.dead_letter_topic, 1)
        process.terminate()
        stderr = await _errors(process)
    finally:
        await _kill(process)
    assert process.returncode == 0, stderr.decode()
    assert [(ticket["event"], ticket["messages"]) for ticket in tickets] == [
        ("opened", 1),
        ("escalated", 2),
        ("updated", 3),
    ]
    assert {ticket["queue"] for ticket in tickets[1:]} == {"claims"}
    assert len({ticket["ticket_id"] for ticket in tickets}) == 1
    assert dict(dead_letter.headers)["dlq.error"] == b"empty_value"


async def test_a_router_that_waits_for_its_group_can_be_stopped() -> None:
    class WaitingApp:
        stopped = False
        consumer = NO_THREAD

        async def start(self) -> None:
            await asyncio.Event().wait()

        async def stop(self) -> None:
            self.stopped = True

    router, app, stop = Router(TOPICS, RoutesFile(DEFAULT_ROUTES)), WaitingApp(), asyncio.Event()
    router._built = RouterApp(app, None, None)
    running = asyncio.create_task(router.run(stop))
    await asyncio.sleep(0)
    assert not running.done()
    stop.set()
    async with asyncio.timeout(TIMEOUT_S):
        await running
    assert app.stopped


async def test_a_batch_that_the_broker_does_not_take_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class StartedApp:
        consumer = NO_THREAD

        async def start(self) -> None: ...

        async def stop(self) -> None: ...

        async def wait_until_stopped(self) -> None:
            await asyncio.Event().wait()

    monkeypatch.setattr(router_module, "BATCH_S", 0.01)
    monkeypatch.setattr(router_module, "watch_topics", never)
    router, stop = Router(TOPICS, RoutesFile(DEFAULT_ROUTES)), asyncio.Event()
    router._built = RouterApp(StartedApp(), None, None)
    hang: Any = never
    router._ticket_batches = EventBatcher(hang, router.metrics)
    router._surge_batches = EventBatcher(hang, router.metrics)
    running = asyncio.create_task(router.run(stop))
    event: Any = SimpleNamespace(message=None)
    await router._ticket_batches.put(event)
    async with asyncio.timeout(TIMEOUT_S):
        while not router._ticket_batches.lock.locked():  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        stop.set()
        await running
    assert "The current batch was not finished in time" in caplog.text


async def test_a_signal_stops_a_router_whose_producer_waits_for_the_broker(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scripted_broker(InitProducerIdRequest=never) as hanging:
        waiting = AIOKafkaProducer(bootstrap_servers=hanging.address, enable_idempotence=True)
        monkeypatch.setattr(service, "producer", lambda *_, **__: waiting)
        running = asyncio.create_task(service.serve(settings))
        await hanging.wait_for_requests("InitProducerIdRequest")
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(STOP_LIMIT_S):
            assert await running == 0


@pytest.mark.parametrize("stop_fails_at", ["stop", "the connections"])
async def test_a_router_notices_that_faust_failed_while_it_stopped(
    stop_fails_at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class FailingApp:
        consumer = NO_THREAD

        async def start(self) -> None:
            await asyncio.Event().wait()

        async def stop(self) -> None:
            if stop_fails_at == "stop":
                raise OSError("the table cannot be closed")
            await asyncio.Event().wait()

    async def close_connections(_: object) -> None:
        raise ConnectionError("reset")

    monkeypatch.setattr(faust_compat, "STOP_TIMEOUT_S", 0.01)
    monkeypatch.setattr(faust_compat, "_close_connections", close_connections)
    router, stop = Router(TOPICS, RoutesFile(DEFAULT_ROUTES)), asyncio.Event()
    router._built = RouterApp(FailingApp(), None, None)
    assert router.stopped == (True, False)
    stop.set()
    with suppress(ConnectionError):
        async with asyncio.timeout(TIMEOUT_S):
            await router.run(stop)
    assert router.stopped == (False, True)


@pytest.mark.parametrize("started", [False, True])
async def test_a_router_ends_when_a_topic_is_hidden(started: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also while Faust waits for its group, which it does for ever then."""
    hidden = asyncio.Event()

    class App:
        stopped = False
        consumer = NO_THREAD

        async def start(self) -> None:
            if not started:
                await asyncio.Event().wait()

        async def stop(self) -> None:
            self.stopped = True

        async def wait_until_stopped(self) -> None:
            await asyncio.Event().wait()

    async def watch(_: object) -> None:
        await hidden.wait()
        raise TopicAuthorizationFailedError({"customer.intents"})

    async def wait_for_events() -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(router_module, "watch_topics", watch)
    router, app = Router(TOPICS, RoutesFile(DEFAULT_ROUTES)), App()
    router._built = RouterApp(app, None, None)
    batcher: Any = SimpleNamespace(run=wait_for_events)
    router._ticket_batches = router._surge_batches = batcher
    running = asyncio.create_task(router.run(asyncio.Event()))
    await asyncio.sleep(0.01)
    assert not running.done()
    hidden.set()
    with pytest.raises(TopicAuthorizationFailedError):
        async with asyncio.timeout(TIMEOUT_S):
            await running
    assert app.stopped


@pytest.mark.parametrize(
    ("failed", "failure", "code", "last"),
    [
        (False, "return", 0, "the process exits without it"),
        (True, "return", 1, "the process exits without it"),
        (
            True,
            "raise TopicAuthorizationFailedError('customer.intents')",
            2,
            "Read or Write on the topic customer.intents",
        ),
        (False, "raise ValueError('a defect')", 1, "ValueError: a defect"),
    ],
)
async def test_an_error_is_the_last_line_although_faust_still_runs(
    failed: bool, failure: str, code: int, last: str
) -> None:
    program = FAILING.format(failed=failed, failure=failure)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, "router", stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    try:
        stderr = await _errors(process)
    finally:
        await _kill(process)
    assert process.returncode == code, stderr.decode()
    assert last in stderr.decode().splitlines()[-1]


async def _errors(process: asyncio.subprocess.Process) -> bytes:
    """Wait until a process ends, and return what it wrote to its standard error."""
    async with asyncio.timeout(TIMEOUT_S):
        _, stderr = await process.communicate()
    return stderr


async def _kill(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
        await process.wait()


async def _read(settings: Settings, topic: str, count: int) -> list[ConsumerRecord]:
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=settings.bootstrap_servers,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=10,
        group_id=None,
    )
    async with consumer:
        return [await consumer.getone() for _ in range(count)]
