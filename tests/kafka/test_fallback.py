"""The fallback as a process on a real Kafka: an LLM that fails, kills, a budget, SIGTERM and a wrong key."""

import asyncio
from collections import defaultdict
from functools import partial

import pytest

from tests.kafka import admin
from tests.kafka.harness import KafkaHarness
from tests.kafka.processes import ServiceProcess, eventually
from tests.records import headers_of, json_of
from tests.worker.fallback.events import LABELS, event
from tests.worker.fallback.llm_server import LlmServer, always, answer, fails_a_third_of_the_time

pytestmark = pytest.mark.kafka

MESSAGES = 500
MENTIONED = [*LABELS, "NONSENSE"]


class FallbackHarness:
    """Topics on which a fallback runs; the fallback topic is the harness's input.

    Attributes:
        kafka: the harness.
        review: the review topic.
        labels: the labels topic.
    """

    def __init__(self, harness: KafkaHarness) -> None:
        self.kafka = harness
        self.review = f"review-{harness.group}"
        self.labels = f"labels-{harness.group}"

    async def create_topics(self) -> None:
        """Create all topics."""
        await self.kafka.create_topics()
        await admin.create_topics(self.kafka.bootstrap, [self.review, self.labels])

    def start(self, url: str, delivery: str, **settings: str) -> ServiceProcess:
        """Start a fallback that asks the LLM at a URL."""
        return self.kafka.start(
            module="triage_worker fallback",
            fallback_topic=self.kafka.input,
            input_topic=self.kafka.fallback,
            review_topic=self.review,
            labels_topic=self.labels,
            delivery=delivery,
            llm_url=url,
            llm_model="fake",
            llm_timeout_s="0.5",
            llm_api_key="secret-key",
            **settings,
        )

    async def event_ids(self, topic: str) -> dict[int, list[bytes]]:
        """Return the ids of a topic's events, by the offset of the customer's message."""
        found = defaultdict(list)
        for record in await self.kafka.read(topic):
            found[json_of(record)["source"]["offset"]].append(headers_of(record)["ce_id"])
        return found


@pytest.fixture
async def fallback(harness: KafkaHarness) -> FallbackHarness:
    created = FallbackHarness(harness)
    await created.create_topics()
    return created


@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
async def test_every_message_becomes_an_intent_or_a_review_but_never_both(
    fallback: FallbackHarness, delivery: str
) -> None:
    events = [event(f"message {offset}: {MENTIONED[offset % 5]}", offset) for offset in range(MESSAGES)]
    await fallback.kafka.produce([(f"chat-{sent.source.offset % 23}".encode(), sent.write()) for sent in events])
    end_hanging_calls = asyncio.Event()
    async with LlmServer(fails_a_third_of_the_time(end_hanging_calls), key="secret-key") as server:
        killed = fallback.start(server.url, delivery)
        await fallback.kafka.wait_for_first_commit()
        killed.kill()
        successor = fallback.start(server.url, delivery)
        await fallback.kafka.wait_until_committed(120)
        assert await successor.terminate() == 0, successor.log_text()
        end_hanging_calls.set()
    assert "secret-key" not in killed.log_text() + successor.log_text()
    intents, reviews, labels = [
        await fallback.event_ids(topic) for topic in (fallback.kafka.output, fallback.review, fallback.labels)
    ]
    assert await fallback.kafka.read(fallback.kafka.dead_letters) == []
    assert set(intents) | set(reviews) == set(range(MESSAGES))
    assert set(labels) == set(intents)
    assert len(intents) > MESSAGES / 2
    if delivery == "exactly_once":
        assert set(intents) & set(reviews) == set()
        assert all(len(ids) == 1 for found in (intents, reviews, labels) for ids in found.values())
    else:
        assert all(len(set(ids)) == 1 for found in (intents, reviews, labels) for ids in found.values())


async def test_processes_that_are_killed_repeatedly_share_one_budget(fallback: FallbackHarness) -> None:
    await fallback.kafka.produce([(b"k", event(f"WISMO {offset}", offset).write()) for offset in range(60)])
    limits = {"llm_calls_per_hour": "20", "llm_concurrency": "2"}
    async with LlmServer(always(lambda: answer("WISMO"))) as server:
        for calls in (4, 8, 12):
            killed = fallback.start(server.url, "at_least_once", **limits)
            await eventually(partial(was_called, server, calls), 60, killed.log_text)
            killed.kill()
        successor = fallback.start(server.url, "at_least_once", **limits)
        await fallback.kafka.wait_until_committed(60)
        assert await successor.terminate() == 0, successor.log_text()
        calls_made = len(server.asked)
    assert 12 < calls_made <= 20
    intents, reviews = [await fallback.event_ids(topic) for topic in (fallback.kafka.output, fallback.review)]
    assert set(intents) | set(reviews) == set(range(60))
    assert len(intents) <= calls_made
    assert {json_of(record)["review_reason"] for record in await fallback.kafka.read(fallback.review)} == {
        "over_budget"
    }


async def was_called(server: LlmServer, calls: int) -> bool:
    """Whether the server was called that often."""
    return len(server.asked) >= calls


async def test_sigterm_finishes_pending_calls(fallback: FallbackHarness) -> None:
    await fallback.kafka.produce([(b"k", event(f"WISMO {offset}", offset).write()) for offset in range(60)])
    async with LlmServer(always(lambda: answer("WISMO"))) as server:
        worker = fallback.start(server.url, "exactly_once")
        await fallback.kafka.wait_for_first_commit()
        assert await worker.terminate() == 0, worker.log_text()
        assert "in_flight=0" in worker.log_text().rsplit("Stopped", 1)[1]


async def test_a_wrong_key_ends_the_service_with_one_sentence(fallback: FallbackHarness) -> None:
    async with LlmServer(always(lambda: answer("WISMO")), key="another") as server:
        worker = fallback.start(server.url, "at_least_once")
        assert await worker.exit_code() == 2
    assert "check TRIAGE_LLM_API_KEY" in worker.log_text()
    assert "Traceback" not in worker.log_text()
