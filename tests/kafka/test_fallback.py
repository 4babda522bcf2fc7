"""The fallback as a process on a real Kafka, with an LLM that fails a third of the time, and one kill -9."""

import asyncio
from collections import defaultdict

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.kafka.harness import Bench
from tests.kafka.processes import Worker, eventually
from tests.records import headers_of, json_of
from tests.worker.fallback.events import LABELS, event
from tests.worker.fallback.llm_server import LlmServer, always, answer, fails_a_third_of_the_time

pytestmark = pytest.mark.kafka

MESSAGES = 500
NAMES = [*list(LABELS), "NONSENSE"]


class FallbackBench:
    """The bench's input is the fallback topic; two more topics take reviews and labels."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.review = f"review-{bench.group}"
        self.labels = f"labels-{bench.group}"

    async def create_topics(self) -> None:
        await self.bench.create_topics()
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bench.bootstrap)
        await admin.start()
        try:
            await admin.create_topics([NewTopic(self.review, 3, 1), NewTopic(self.labels, 3, 1)])
        finally:
            await admin.close()

    def start(self, url: str, delivery: str, **more: str) -> Worker:
        return self.bench.worker(
            module="triage_worker fallback",
            fallback_topic=self.bench.input,
            input_topic=self.bench.fallback,
            review_topic=self.review,
            labels_topic=self.labels,
            delivery=delivery,
            llm_url=url,
            llm_model="stand-in",
            llm_timeout_s="0.5",
            llm_api_key="secret-key",
            **more,
        )

    async def ids(self, topic: str) -> dict[int, list[bytes]]:
        """By the offset of the customer's message, the ids of the events about it."""
        found = defaultdict(list)
        for record in await self.bench.read(topic):
            found[json_of(record)["source"]["offset"]].append(headers_of(record)["ce_id"])
        return found


@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
async def test_every_message_is_an_intent_or_a_review_and_never_both(bench: Bench, delivery: str) -> None:
    fallback = FallbackBench(bench)
    await fallback.create_topics()
    events = [event(f"message {offset}: {NAMES[offset % 5]}", offset) for offset in range(MESSAGES)]
    await bench.produce([(f"chat-{asked.source.offset % 23}".encode(), asked.write()) for asked in events])
    patience = asyncio.Event()
    async with LlmServer(fails_a_third_of_the_time(patience), key="secret-key") as server:
        victim = fallback.start(server.url, delivery)
        await bench.committed_something()
        victim.kill()
        heir = fallback.start(server.url, delivery)
        await bench.answered(120)
        assert await heir.terminate() == 0, heir.said()
        patience.set()
    assert "secret-key" not in victim.said() + heir.said()
    intents, reviews, labels = [await fallback.ids(topic) for topic in (bench.output, fallback.review, fallback.labels)]
    assert await bench.read(bench.dead_letters) == []
    assert set(intents) | set(reviews) == set(range(MESSAGES))
    assert set(labels) == set(intents)
    assert len(intents) > MESSAGES / 2
    if delivery == "exactly_once":
        assert set(intents) & set(reviews) == set()
        assert all(len(ids) == 1 for found in (intents, reviews, labels) for ids in found.values())
    else:
        assert all(len(set(ids)) == 1 for found in (intents, reviews, labels) for ids in found.values())


async def test_processes_that_die_on_and_on_spend_one_budget(bench: Bench) -> None:
    fallback = FallbackBench(bench)
    await fallback.create_topics()
    await bench.produce([(b"k", event(f"WISMO {offset}", offset).write()) for offset in range(60)])
    limits = {"llm_calls_per_hour": "20", "llm_concurrency": "2"}
    async with LlmServer(always(lambda: answer("WISMO"))) as server:
        for calls in (4, 8, 12):
            victim = fallback.start(server.url, "at_least_once", **limits)
            await eventually(lambda calls=calls: reached(server, calls), 60, victim.said)  # type: ignore[misc]
            victim.kill()
        heir = fallback.start(server.url, "at_least_once", **limits)
        await bench.answered(60)
        assert await heir.terminate() == 0, heir.said()
        made = len(server.asked)
    assert 12 < made <= 20
    intents, reviews = [await fallback.ids(topic) for topic in (bench.output, fallback.review)]
    assert set(intents) | set(reviews) == set(range(60))
    assert len(intents) <= made
    assert {json_of(record)["review_reason"] for record in await bench.read(fallback.review)} == {"over_budget"}


async def reached(server: LlmServer, calls: int) -> bool:
    return len(server.asked) >= calls


async def test_sigterm_finishes_the_calls_that_are_made(bench: Bench) -> None:
    fallback = FallbackBench(bench)
    await fallback.create_topics()
    await bench.produce([(b"k", event(f"WISMO {offset}", offset).write()) for offset in range(60)])
    async with LlmServer(always(lambda: answer("WISMO"))) as server:
        worker = fallback.start(server.url, "exactly_once")
        await bench.committed_something()
        assert await worker.terminate() == 0, worker.said()
        assert "in_flight=0" in worker.said().rsplit("Stopped", 1)[1]


async def test_a_wrong_key_is_one_sentence(bench: Bench) -> None:
    fallback = FallbackBench(bench)
    await fallback.create_topics()
    async with LlmServer(always(lambda: answer("WISMO")), key="another") as server:
        worker = fallback.start(server.url, "at_least_once")
        assert await worker.exit_code() == 2
    assert "check TRIAGE_LLM_API_KEY" in worker.said()
    assert "Traceback" not in worker.said()
