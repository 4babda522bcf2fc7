"""Every service with a user of its own, who may do what docs/security.md says and nothing else."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import orjson
import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition
from triage_worker.config.settings import Settings
from triage_worker.kafka import topics
from triage_worker.kafka.topic_reader import open_reader, read_topic

from tests.kafka.broker import free_ports
from tests.kafka.harness import ROOT, Bench
from tests.kafka.processes import Worker, eventually
from tests.kafka.rights import Right, documented
from tests.kafka.secured import Secured
from tests.kafka.test_review import Terminal
from tests.kafka.test_router import Sent, intent
from tests.kafka.test_service import get, ready
from tests.worker.fallback.events import event
from tests.worker.fallback.llm_server import LlmServer, always, answer
from tests.worker.helpdesk import fakes as helpdesk_fakes
from tests.worker.helpdesk.fakes import ticket
from tests.worker.review.test_review import review

pytestmark = pytest.mark.kafka

DELIVERIES = [pytest.param("at_least_once", marks=pytest.mark.torture), "exactly_once"]
IN_EVERY_RUN = ("customer.intents.fallback", "triage-worker", "triage-triage-worker-")
"""Rights of the worker that are taken away in every run, one of each kind; the others take as long and say the same."""

MODULES = {"worker": "tests.kafka.fake_worker"}


class Shop:
    """The topics by their default names, and services on them, each as its own user."""

    def __init__(self, secured: Secured, folder: Path) -> None:
        self.secured = secured
        self.bench = Bench(secured.bootstrap, folder)
        self.names = {name: str(getattr(Settings(), name)) for name in Settings.model_fields if name.endswith("_topic")}
        self.bench.input, self.bench.output = self.names["input_topic"], self.names["output_topic"]
        self.bench.fallback, self.bench.dead_letters = self.names["fallback_topic"], self.names["dead_letter_topic"]

    def start(self, service: str, **more: str) -> Worker:
        self.bench.group = f"triage-{service}"
        settings = {**self.names, **self.secured.login(service), "group_id": self.bench.group}
        return self.bench.worker(module=MODULES.get(service, f"triage_worker {service}"), **{**settings, **more})

    def environment(self, service: str, **more: str) -> dict[str, str]:
        others = {name: value for name, value in os.environ.items() if not name.startswith("TRIAGE_")}
        given = self.secured.login(service, **more)
        return others | {f"TRIAGE_{name.upper()}": value for name, value in given.items()}

    def open(self, terminal: Terminal) -> Terminal:
        """Have a terminal's process end with the test."""
        self.bench._workers.append(Worker(terminal.process, Path(os.devnull)))
        return terminal

    async def command(self, service: str, *arguments: str) -> tuple[int, str]:
        """Run a command to its end; its exit code and all that it said."""
        ran = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "triage_worker", *arguments],
            cwd=ROOT,
            env=self.environment(service),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return ran.returncode, ran.stdout + ran.stderr

    @asynccontextmanager
    async def allowed(self, user: str, rights: list[Right]) -> AsyncIterator[None]:
        await self.secured.allow(user, rights)
        try:
            yield
        finally:
            await self.secured.take(user, rights)

    async def ended(self, worker: Worker) -> None:
        assert await worker.terminate() == 0, worker.said()
        assert "hush" not in worker.said()

    async def send(self, run: str, numbers: Iterable[int]) -> None:
        """Messages for the worker: an intent, one for the fallback and a dead letter, in turn."""
        ends = ('"text":"aa"}', '"text":"e"}', "")
        await self.bench.produce(
            [(b"k", f'{{"message_id":"{run}-{number}",{ends[number % 3]}'.encode()) for number in numbers]
        )

    async def answers(self, run: str) -> list[int]:
        """The numbers of those messages that are on each output, in its order; other tests' records are there, too."""
        found: list[int] = []
        for topic in (self.bench.output, self.bench.fallback, self.bench.dead_letters):
            for record in await self.bench.read(topic):
                found += map(int, re.findall(rf'"message_id":"{run}-(\d+)"'.encode(), record.value or b""))
        return found

    async def skip(self, service: str, topic: str) -> None:
        """Have a service begin after what other tests left on its topic."""
        async with AIOKafkaConsumer(bootstrap_servers=self.bench.bootstrap, group_id=f"triage-{service}") as reader:
            place = TopicPartition(topic, 0)
            reader.assign([place])
            await reader.commit(await reader.end_offsets([place]))

    async def newest(self, topic: str, text: str) -> bool:
        return any(text.encode() in (record.value or b"") for record in await self.bench.read(topic))


@asynccontextmanager
async def opened(secured: Secured, folder: Path) -> AsyncIterator[Shop]:
    """A shop whose topics are there; its services end with it."""
    made = Shop(secured, folder)
    rights = documented("operator")
    async with made.allowed("operator", rights):
        operator = Settings.load(**secured.login("operator"))
        await topics.create(operator, partitions=1, replicas=None)
        assert await topics.check(operator) == []
    try:
        yield made
    finally:
        made.bench.stop()


@pytest.fixture
async def shop(secured: Secured, tmp_path: Path) -> AsyncIterator[Shop]:
    async with opened(secured, tmp_path) as made:
        yield made


@pytest.mark.parametrize("delivery", DELIVERIES)
async def test_the_worker(shop: Shop, delivery: str) -> None:
    async with shop.allowed("worker", documented("worker", exactly_once=delivery == "exactly_once")):
        await shop.send(f"with-rights-{delivery}", range(15))
        worker = shop.start("worker", delivery=delivery)
        await shop.bench.answered()
        await shop.ended(worker)
    in_turn = sorted(range(15), key=lambda number: number % 3)
    assert await shop.answers(f"with-rights-{delivery}") == in_turn


async def test_the_router(shop: Shop, tmp_path: Path) -> None:
    async with shop.allowed("router", documented("router")):
        keyless = [intent(number, f"chat-{number}", "WISMO", keyed=bool(number % 2)) for number in range(10)]
        await shop.bench.send(shop.bench.output, [*keyless, (b"k", b"no event", [])])
        router = shop.start("router", state_dir=str(tmp_path / "state"))
        await shop.bench.answered(90, topic=shop.bench.output)
        await eventually(lambda: shop.newest(shop.names["tickets_topic"], "chat-8"), 60, router.said)
        await shop.ended(router)
    assert await shop.newest(shop.bench.dead_letters, "no event")


@pytest.mark.parametrize("delivery", DELIVERIES)
async def test_the_fallback(shop: Shop, delivery: str) -> None:
    async with (
        shop.allowed("fallback", documented("fallback", exactly_once=delivery == "exactly_once", budget=True)),
        LlmServer(always(lambda: answer("WISMO"))) as server,
    ):
        asked = [event(f"asked {delivery} {number}", number) for number in range(5)]
        unsure = event(f"greeting {delivery}", 5, reason="out_of_scope")
        records: list[Sent] = [(b"k", one.write(), []) for one in (*asked, unsure)]
        await shop.bench.send(shop.bench.fallback, [*records, (b"k", b"no event", [])])
        settings = {"llm_url": server.url, "llm_model": "stand-in", "llm_calls_per_hour": "100"}
        fallback = shop.start("fallback", delivery=delivery, **settings)
        await shop.bench.answered(topic=shop.bench.fallback)
        await shop.ended(fallback)
    assert await shop.newest(shop.names["labels_topic"], f"asked {delivery} 4")


@pytest.mark.parametrize("delivery", DELIVERIES)
async def test_the_review(shop: Shop, delivery: str) -> None:
    async with shop.allowed("review", documented("review", exactly_once=delivery == "exactly_once")):
        shown = [review(f"{word} {delivery}", number) for number, word in enumerate(("decided", "put off"))]
        topic = shop.names["review_topic"]
        await shop.skip("review", topic)
        await shop.bench.send(topic, [*((b"k", one.write(), []) for one in shown), (b"k", b"no event", [])])
        environment = shop.environment("review", delivery=delivery) | {"TERM": "dumb", "COLUMNS": "100"}
        terminal = shop.open(Terminal([sys.executable, "-m", "triage_worker", "review"], environment))
        for word, key in (("decided", "1"), ("put off", "-")):
            await terminal.sees(f"{word} {delivery}")
            await terminal.sees("leave")
            terminal.press(key)
            await terminal.sees("→")
        terminal.press("q")
        await terminal.sees("1 decided, 1 put off.")
        assert await terminal.left() == 0
    assert await shop.newest(shop.names["labels_topic"], f"decided {delivery}")


async def test_the_helpdesk(shop: Shop) -> None:
    there = helpdesk_fakes.FakeZendesk(["ok"])
    async with shop.allowed("helpdesk", documented("helpdesk")), there.running() as site:
        opened = ticket(number=7)
        await shop.bench.send(shop.names["tickets_topic"], [(b"t", opened.write(), []), (b"k", b"no ticket", [])])
        helpdesk = shop.start("helpdesk", **helpdesk_settings(site))
        await eventually(lambda: shop.newest(shop.bench.dead_letters, "no ticket"), 60, helpdesk.said)
        await shop.ended(helpdesk)
    assert opened.ticket_id in {one["external_id"] for one in there.tickets.values()}


def helpdesk_settings(site: str) -> dict[str, str]:
    return {
        "helpdesk": "zendesk",
        "helpdesk_url": site,
        "helpdesk_user": helpdesk_fakes.USER,
        "helpdesk_token": helpdesk_fakes.TOKEN,
    }


async def test_replay_and_the_reader_of_labels(shop: Shop) -> None:
    async with shop.allowed("worker", documented("worker")):
        await shop.bench.produce([(b"k", b"{ to be replayed")])
        worker = shop.start("worker")
        await shop.bench.answered()
        await shop.ended(worker)
    async with shop.allowed("replay", documented("replay")):
        code, said = await shop.command("replay", "replay", "--yes", "--code", "not_json", "--topic", shop.bench.input)
        assert code == 0, said
        assert "hush" not in said
    found = [record for record in await shop.bench.read(shop.bench.input) if record.value == b"{ to be replayed"]
    assert len(found) == 2
    await shop.bench.send(shop.names["labels_topic"], [(b"k", orjson.dumps({"text": "a", "label": "b"}), [])])
    async with (
        shop.allowed("learn", documented("learn")),
        open_reader(Settings.load(**shop.secured.login("learn"))) as consumer,
    ):
        assert [records async for records in read_topic(consumer, shop.names["labels_topic"])]


async def test_the_check_and_a_stranger(shop: Shop) -> None:
    async with shop.allowed("check", documented("check")):
        code, said = await shop.command("check", "topics", "check")
        assert (code, said.splitlines()[0]) == (0, "All topics exist and are configured as they should be.")
    code, said = await shop.command("stranger", "topics", "create")
    assert code == 2
    assert re.search(r"refuses this user Create on the topic customer\.intents, .*: grant it", said), said
    code, said = await shop.command("stranger", "topics", "check")
    assert code == 1
    assert said.count("is not shown to this user: grant it Describe") == 8, said


def _each(*services: tuple[str, bool]) -> Iterator[object]:
    for service, exactly_once in services:
        for right in documented(service, exactly_once=exactly_once, budget=True):
            quick = service == "worker" and right.name in IN_EVERY_RUN
            yield pytest.param(service, right, id=f"{service}: {right}", marks=[] if quick else pytest.mark.torture)


@pytest.mark.parametrize(
    ("service", "right"), [*_each(("worker", True), ("router", False), ("fallback", True), ("helpdesk", False))]
)
async def test_without_one_right_a_service_says_which_and_ends(shop: Shop, service: str, right: Right) -> None:
    rights = documented(service, exactly_once=True, budget=True)
    # All operations on what is named: one of several would still let the topic be seen.
    gone = [one for one in rights if (one.kind, one.name) == (right.kind, right.name)]
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(shop.allowed(service, [one for one in rights if one not in gone]))
        server = await stack.enter_async_context(LlmServer(always(lambda: answer("WISMO"))))
        extra: Mapping[str, Mapping[str, str]] = {
            "worker": {"delivery": "exactly_once"},
            "fallback": {
                "delivery": "exactly_once",
                "llm_url": server.url,
                "llm_model": "stand-in",
                "llm_calls_per_hour": "100",
            },
            "helpdesk": helpdesk_settings("http://127.0.0.1:9"),
        }
        started = shop.start(service, log_level="ERROR", **extra.get(service, {}))
        assert await started.exit_code() == 2, started.said()
    assert "Traceback" not in started.said()
    line = started.said().splitlines()[-1]
    assert right.name in line
    assert right.operation in line or "Create" in line
    assert "hush" not in started.said()


@pytest.mark.parametrize("delivery", DELIVERIES)
async def test_a_right_taken_away_and_given_back_while_running(shop: Shop, delivery: str) -> None:
    """Not ready, with the right that is missing; nothing is lost, and no restart is needed."""
    (port,) = free_ports(1)
    rights = documented("worker", exactly_once=delivery == "exactly_once")
    reading, writing = rights[0], rights[1]
    # That the topics can still be seen is the harder case: no metadata tells, only the attempt does.
    seen = [Right("topic", one.name, False, "Describe") for one in (reading, writing)]
    async with shop.allowed("worker", [*rights, *seen]):
        worker = shop.start("worker", delivery=delivery, http_host="127.0.0.1", http_port=str(port))
        await eventually(lambda: ready(port), 60, worker.said)
        for turn, right in enumerate((writing, reading)):
            await shop.secured.take("worker", [right])
            await shop.send(f"taken-{delivery}", range(30 * turn, 30 * turn + 30))
            await eventually(lambda right=right: refused(port, right), 60, worker.said)  # type: ignore[misc]
            assert (await get(port, "/livez"))[0] == 200
            await shop.secured.allow("worker", [right])
            await shop.bench.answered()
            await eventually(lambda: ready(port), 60, worker.said)
        _, metrics = await get(port, "/metrics")
        await shop.ended(worker)
    assert "hush" not in metrics
    found = await shop.answers(f"taken-{delivery}")
    assert list(dict.fromkeys(found)) == sorted(range(60), key=lambda number: number % 3)
    assert delivery == "at_least_once" or len(found) == 60


async def refused(port: int, right: Right) -> bool:
    status, said = await get(port, "/readyz")
    assert "hush" not in said
    return status == 503 and f"{right.operation} on the topic {right.name}" in said
