"""The console on a real Kafka: events become rows once, an answer becomes events, and nobody gets another's message."""

import asyncio
import signal
import sys
import urllib.request
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError

import pytest
from triage_schemas.events import Event, LabelEvent
from triage_worker.config.settings import Settings
from triage_worker.console.queries import now as queries
from triage_worker.console.queries.review import item
from triage_worker.console.shared.acts import Acts, Publisher
from triage_worker.console.shared.review_queue import ReviewQueue
from triage_worker.console.signing_in.roles import Person
from triage_worker.console.state.database import Database
from triage_worker.console.state.projections import all_projections
from triage_worker.console.state.reader import StateReader
from triage_worker.demo.embedded_broker import free_port
from triage_worker.kafka.clients import producer
from triage_worker.streaming.review_outputs import OutputBuilder

from tests.kafka import admin
from tests.kafka.harness import KafkaHarness, environment
from tests.kafka.processes import eventually
from tests.worker.console.filling import intent, request

pytestmark = pytest.mark.kafka

TOPICS = ("output", "fallback", "dead_letter", "tickets", "alerts", "review", "labels", "control", "acts")


@dataclass
class Console:
    """The parts of a console that need Kafka."""

    database: Database
    readers: Sequence[StateReader]
    queue: ReviewQueue

    async def caught_up(self) -> None:
        """Wait until what is on the topics is in the state."""

        async def read() -> bool:
            return all(one.caught_up for one in self.readers)

        await eventually(read, 30)


@pytest.fixture
async def settings(harness: KafkaHarness) -> Settings:
    names = {f"{name}_topic": f"{name}-{harness.group}" for name in TOPICS}
    await admin.create_topics(harness.bootstrap, list(names.values()), partitions=3)
    return Settings(bootstrap_servers=harness.bootstrap, console_second_share=0.0, **names)  # type: ignore[arg-type]


@asynccontextmanager
async def console(settings: Settings, path: Path) -> AsyncIterator[Console]:
    database, projections = Database(path), all_projections(settings)
    people = StateReader(settings, database, projections.people, prunes=True)
    traffic = StateReader(settings, database, projections.traffic, forget=projections.counted.forget, gathers=True)
    publisher = Publisher(settings)
    acts, outputs = Acts(publisher, settings.acts_topic), OutputBuilder.from_settings(settings, "OOS")
    running = [asyncio.create_task(one.run()) for one in (people, traffic)]
    try:
        yield Console(database, (people, traffic), ReviewQueue(settings, database, people, acts, outputs))
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await publisher.close()
        database.close()


async def send(settings: Settings, topic: str, events: Sequence[Event]) -> None:
    async with producer(settings) as sender:
        for number, one in enumerate(events):
            await sender.send_and_wait(topic, one.write(), key=f"c-{number % 7}".encode(), headers=[("ce_type", b"x")])


async def test_events_are_counted_once_also_after_a_restart(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    await send(settings, settings.output_topic, [intent(offset) for offset in range(60)])
    async with console(settings, path) as first:
        await first.caught_up()
        await eventually_counted(first, 60)
    await send(settings, settings.output_topic, [intent(offset) for offset in range(50, 90)])
    async with console(settings, path) as second:
        await eventually_counted(second, 90)
    async with console(settings, tmp_path / "another.sqlite") as anew:
        await eventually_counted(anew, 90)


async def test_a_topic_that_is_created_again_is_read_again_with_all_others(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    await send(settings, settings.output_topic, [intent(offset) for offset in range(9)])
    await send(settings, settings.review_topic, [request("hm", 1)])
    async with console(settings, path) as first:
        await eventually_counted(first, 9)
    await admin.delete_topic(settings.bootstrap_servers, settings.output_topic)
    await admin.create_topics(settings.bootstrap_servers, [settings.output_topic], partitions=3)
    async with console(settings, path) as second:
        await eventually_counted(second, 0)

        async def asked() -> bool:
            return await second.database.read(lambda state: queries.queue(state, 0).waiting) == 1

        await eventually(asked, 30)


async def eventually_counted(one: Console, messages: int) -> None:
    async def counted() -> bool:
        return (await one.database.read(queries.account)).answered == messages

    await eventually(counted, 30)
    account = await one.database.read(queries.account)
    assert (account.outcomes["accepted"], account.holds) == (messages, True)


async def test_two_consoles_hand_out_each_message_once_and_see_each_others_answers(
    settings: Settings, tmp_path: Path
) -> None:
    await send(settings, settings.review_topic, [request(f"text {offset}", offset) for offset in range(12)])
    async with console(settings, tmp_path / "a.sqlite") as first, console(settings, tmp_path / "b.sqlite") as second:
        await first.caught_up()
        await second.caught_up()
        people = [Person(f"person-{number}", "reviewer", "issuer") for number in range(8)]
        consoles = (first, second)
        keys = await asyncio.gather(*(consoles[number % 2].queue.next(one) for number, one in enumerate(people)))
        assert None not in keys
        assert len(set(keys)) == len(people)
        key = str(keys[0])
        await first.queue.answer(people[0], key, "WISMO")

        async def is_closed() -> bool:
            found = await second.database.read(lambda state: item(state, key))
            return found is not None and not found.is_open

        await eventually(is_closed, 30)
        label = await second.database.read(lambda state: state.execute("SELECT label FROM labels").fetchall())
        assert [tuple(row) for row in label] == [("WISMO",)]
        assert LabelEvent.TYPE == "triage.label"


async def test_the_process_serves_pages_and_ends_by_sigterm(settings: Settings, tmp_path: Path) -> None:
    port = free_port()
    own = {f"{name}_topic": getattr(settings, f"{name}_topic") for name in TOPICS}
    variables = environment(
        bootstrap_servers=settings.bootstrap_servers,
        http_host="127.0.0.1",
        http_port=str(port),
        console_code="let-me-in",
        **own,
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "triage_worker", "console", env=variables, cwd=tmp_path
    )
    try:
        ready = f"http://127.0.0.1:{port}/readyz"
        await eventually(lambda: asyncio.to_thread(answers, ready), 60)
        page = await asyncio.to_thread(fetch, f"http://127.0.0.1:{port}/sign-in?code=let-me-in")
        assert "Every message is accounted for" in page
    finally:
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 20) == 0


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except URLError:
        return False


def fetch(url: str) -> str:
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    with opener.open(url, timeout=5) as answer:
        return str(answer.read().decode())
