"""Several input topics on a real broker: their own formats, topics that come and go, and a worker that is killed."""

import asyncio
from collections import Counter
from pathlib import Path

import orjson
import pytest

from tests.kafka import admin
from tests.kafka.endpoints import Endpoints
from tests.kafka.harness import KafkaHarness, Message, conversations, message
from tests.kafka.processes import ServiceProcess, eventually
from tests.kafka.topic_conservation import answered, balance, check_balance, verify_topics
from tests.records import headers_of, json_of

pytestmark = pytest.mark.kafka

DELIVERIES = ["at_least_once", "exactly_once"]


async def joined(harness: KafkaHarness, **settings: str) -> ServiceProcess:
    """Start a worker, and wait until it has partitions."""
    worker = harness.start(**settings)
    await worker.wait_for_log("Partitions assigned", 60)
    return worker


async def all_answered(endpoints: Endpoints, worker: ServiceProcess, count: int) -> str:
    """Wait until a worker has answered so many messages; returns its metrics."""

    async def all_are() -> bool:
        return sum(map(answered, balance(await endpoints.metrics()).values())) >= count

    await eventually(all_are, 60, worker.log_text)
    return await endpoints.metrics()


@pytest.mark.parametrize("delivery", DELIVERIES)
async def test_each_topic_has_its_own_format_and_fields(harness: KafkaHarness, delivery: str, tmp_path: Path) -> None:
    chat, mail = f"{harness.input}.chat", f"{harness.input}.mail"
    await harness.create_topics()
    await admin.create_topics(harness.bootstrap, [chat, mail])
    (tmp_path / "sources.yaml").write_text(
        f"""
sources:
  - topic: {chat}
    text_field: [title, body.text]
    conversation_field: key:chat
    customer_field: header:user
    channel: chat
  - topic: {mail}
    format: text
    channel: letter
    entities: [date]
"""
    )
    chats: list[Message] = [
        (orjson.dumps({"chat": f"c-{number % 7}"}), orjson.dumps({"title": "a", "body": {"text": f"aa {number}"}}))
        for number in range(200)
    ]
    mails: list[Message] = [(b"k%d" % (number % 5), b"a letter of 2024-03-12, %d" % number) for number in range(150)]
    sent = {
        chat: await harness.produce([*chats, (b"bad", b"plain")], topic=chat, headers=[("user", b"u-7")]),
        mail: await harness.produce([*mails, (b"bad", b"\xff")], topic=mail),
    }
    endpoints = Endpoints()
    worker = await joined(
        harness,
        delivery=delivery,
        input_topic="",
        sources=str(tmp_path / "sources.yaml"),
        include_text="true",
        dead_letter_headers="spring",
        **endpoints.settings,
    )
    check_balance(await all_answered(endpoints, worker, 352), {chat: 201, mail: 151})
    for topic in (chat, mail):
        await harness.wait_until_committed(topic=topic)
    assert await worker.terminate() == 0, worker.log_text()

    outcomes = await verify_topics(harness, sent)
    assert {topic: Counter(letter.value for letter in found.dead_letters) for topic, found in outcomes.items()} == {
        chat: {b"plain": 1},
        mail: {b"\xff": 1},
    }
    letters = [headers_of(letter) for found in outcomes.values() for letter in found.dead_letters]
    assert {letter["kafka_dlt-exception-fqcn"] for letter in letters} == {b"triage.not_json", b"triage.not_utf8"}
    assert {len(letter["kafka_dlt-original-partition"]) for letter in letters} == {4}
    events = [json_of(record) for name in (harness.output, harness.fallback) for record in await harness.read(name)]
    for event in events:
        if event["source"]["topic"] == chat:
            number = int(event["text"].rpartition(" ")[2])
            assert event["text"] == f"a\n\naa {number}"
            assert (event["conversation_id"], event["customer_id"]) == (f"c-{number % 7}", "u-7")
            assert (event["channel"], "entities" in event) == ("chat", False) or event["entities"]
        else:
            assert (event["channel"], [one["value"] for one in event["entities"]]) == ("letter", ["2024-03-12"])
            assert event["message_id"].startswith(f"{mail}-")


@pytest.mark.parametrize("delivery", DELIVERIES)
async def test_topics_that_match_are_found_and_left_without_a_restart_or_a_repeat(
    harness: KafkaHarness, delivery: str
) -> None:
    first, second, other = (f"{harness.input}.{name}" for name in ("one", "two", "2"))
    await harness.create_topics()
    await admin.create_topics(harness.bootstrap, [first, other])
    endpoints = Endpoints()
    settings = {"delivery": delivery, "input_topic": f"^{harness.input}\\.[a-z]+"}
    worker, other_worker = await joined(harness, **settings, **endpoints.settings), await joined(harness, **settings)
    sent = {first: await harness.produce(conversations(300), topic=first)}
    await harness.produce(conversations(5), topic=other)
    await harness.wait_for_first_commit(topic=first)

    await admin.create_topics(harness.bootstrap, [second])
    sent[second] = await harness.produce(conversations(300), topic=second)
    sent[first] += await harness.produce(conversations(100), topic=first)
    for topic in (first, second):
        await harness.wait_until_committed(topic=topic)
    await verify_topics(harness, sent)
    await admin.delete_topic(harness.bootstrap, first)
    for one in (worker, other_worker):
        await one.wait_for_log(f"gone=['{first}']", 60)
    sent[second] += await harness.produce(conversations(100), topic=second)
    await harness.wait_until_committed(topic=second)
    await eventually(endpoints.ready, 60, worker.log_text)
    for one in (worker, other_worker):
        assert await one.terminate() == 0, one.log_text()
    await verify_topics(harness, sent)


async def test_a_worker_waits_for_the_first_topic_that_matches(harness: KafkaHarness) -> None:
    await harness.create_topics()
    topic = f"{harness.input}.late"
    endpoints = Endpoints()
    worker = harness.start(input_topic=f"^{harness.input}\\..*", **endpoints.settings)

    async def waits() -> bool:
        return "no topic matches" in (await endpoints.get("/readyz"))[1]

    await eventually(waits, 60, worker.log_text)
    await admin.create_topics(harness.bootstrap, [topic], partitions=1)
    sent = {topic: await harness.produce([(b"k", message("aa"))], topic=topic)}
    await harness.wait_until_committed(topic=topic)
    assert await worker.terminate() == 0, worker.log_text()
    await verify_topics(harness, sent)


async def test_a_worker_that_is_killed_loses_and_repeats_no_message_of_any_topic(harness: KafkaHarness) -> None:
    topics = [f"{harness.input}.{name}" for name in ("one", "two")]
    await harness.create_topics()
    await admin.create_topics(harness.bootstrap, topics)
    settings = {"delivery": "exactly_once", "input_topic": ",".join(topics), "FAKE_DELAY_S": "0.02"}
    killed = await joined(harness, **settings)
    stays = await joined(harness, **settings)
    sent = {topic: await harness.produce(conversations(2_000), topic=topic) for topic in topics}
    await harness.wait_for_first_commit(topic=topics[0])
    await harness.wait_for_first_commit(topic=topics[1])
    killed.kill()
    await asyncio.sleep(1)
    joins = await joined(harness, **settings)
    for topic in topics:
        sent[topic] += await harness.produce(conversations(200), topic=topic)
    for topic in topics:
        await harness.wait_until_committed(120, topic=topic)
    for worker in (stays, joins):
        assert await worker.terminate() == 0, worker.log_text()
    outcomes = await verify_topics(harness, sent)
    assert {topic: sum(found.counts.values()) for topic, found in outcomes.items()} == dict.fromkeys(topics, 2_200)
