"""A worker that reads what Confluent's serializers wrote, by the schemas of a real registry."""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kafka import schema_registry
from tests.kafka.endpoints import Endpoints
from tests.kafka.harness import KafkaHarness
from tests.kafka.message_outcomes import Position
from tests.kafka.processes import ServiceProcess, eventually
from tests.kafka.schema_registry import SchemaRegistry
from tests.records import headers_of, json_of

pytestmark = pytest.mark.kafka

RECORDS = int(os.environ.get("MIXED_RECORDS", "100000"))
SCHEMAS = 9
"""Three versions of each of three types; see `confluent_mix`."""


@pytest.fixture(scope="module")
def registry(registry_installed: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SchemaRegistry]:
    """A running registry."""
    with schema_registry.running(tmp_path_factory.mktemp("registry")) as running:
        yield running


def start_worker(harness: KafkaHarness, url: str, **settings: str) -> tuple[ServiceProcess, Endpoints]:
    """Start a worker that uses a registry."""
    endpoints = Endpoints()
    given = {"schema_registry_url": url, "text_field": "body.text", **endpoints.settings, **settings}
    return harness.start(**given), endpoints


@pytest.mark.parametrize("api", ["confluent", "apicurio"])
async def test_three_versions_in_avro_json_schema_and_plain_json_are_read_from_one_topic(
    harness: KafkaHarness, registry: SchemaRegistry, api: str
) -> None:
    await harness.create_topics(partitions=2)
    records = await asyncio.to_thread(registry.serialized, "confluent_avro.py", "400")
    await harness.send(harness.input, records)
    worker, endpoints = start_worker(harness, getattr(registry, api))
    await harness.wait_until_committed()
    found = await endpoints.metric('triage_schema_registry_requests_total{result="found"}')
    assert await worker.terminate() == 0, worker.log_text()
    outcomes = await harness.outcomes()
    assert len(outcomes.answers) == 400
    assert outcomes.dead_letters == []
    assert found == 4
    events = [json_of(record) for record in await harness.read(harness.output)]
    assert len(events) == 400
    assert {event["channel"] for event in events} == {None, "CHAT"}
    assert sum(event["metadata"] == {"tier": "gold"} for event in events) > 100


@pytest.mark.parametrize("count", [180, pytest.param(RECORDS, marks=[pytest.mark.torture, pytest.mark.timeout(1_800)])])
async def test_every_record_of_nine_schemas_is_decoded_to_the_text_that_was_written(
    harness: KafkaHarness, registry: SchemaRegistry, count: int
) -> None:
    await harness.create_topics(partitions=4)
    records = await asyncio.to_thread(registry.serialized, "confluent_mix.py", str(count))
    ids = Counter((value or b"")[1:5] for _, value, _ in records)
    assert len(ids) == SCHEMAS, "each version has an id of its own"
    assert max(ids.values()) - min(ids.values()) <= 1
    await harness.send(harness.input, records)
    written: dict[Position, str] = {
        (one.partition, one.offset): headers_of(one)["text"].decode() for one in await harness.read(harness.input)
    }
    assert len(written) == count
    started = time.monotonic()
    worker, endpoints = start_worker(harness, registry.confluent, include_text="true")
    await harness.wait_until_committed(1_200)
    seconds = time.monotonic() - started
    found = await endpoints.metric('triage_schema_registry_requests_total{result="found"}')
    assert await worker.terminate() == 0, worker.log_text()
    print(f"\n{count} records of {len(ids)} schemas in {seconds:.0f} s, the worker's start included")
    assert await harness.read(harness.dead_letters) == []
    events = [json_of(record) for topic in harness.topics[1:3] for record in await harness.read(topic)]
    read = {(event["source"]["partition"], event["source"]["offset"]): event["text"] for event in events}
    different = [position for position, text in written.items() if read.get(position) != text]
    assert [(written[position], read.get(position)) for position in different[:5]] == []
    assert {event["message_id"] for event in events} == {f"m-{number}" for number in range(count)}
    assert len(events) == count
    assert found == SCHEMAS, "each is fetched once"


async def test_protobuf_with_references_is_read(harness: KafkaHarness, registry: SchemaRegistry) -> None:
    await harness.create_topics()
    records = await asyncio.to_thread(registry.serialized, "confluent_protobuf.py", "50")
    await harness.send(harness.input, records)
    worker, _ = start_worker(harness, registry.confluent, input_format="protobuf")
    await harness.wait_until_committed()
    assert await worker.terminate() == 0, worker.log_text()
    outcomes = await harness.outcomes()
    assert [record.headers for record in outcomes.dead_letters] == []
    assert len(await harness.read(harness.output)) == 50


@pytest.mark.parametrize(
    ("seconds", "delivery"),
    [
        (6, "exactly_once"),
        *(pytest.param(60, delivery, marks=pytest.mark.torture) for delivery in ("at_least_once", "exactly_once")),
    ],
)
async def test_nothing_is_lost_while_the_registry_is_away(
    harness: KafkaHarness, registry: SchemaRegistry, tmp_path: Path, seconds: int, delivery: str
) -> None:
    """The worker starts while it hangs; it answers again later, and records of new schemas wait until then."""
    await harness.create_topics()
    records = await asyncio.to_thread(registry.serialized, "confluent_avro.py", "400")
    registry.signal(signal.SIGSTOP)
    try:
        worker, endpoints = start_worker(harness, registry.confluent, delivery=delivery, max_in_flight="300")
        await harness.send(harness.input, records)
        await eventually(endpoints.not_ready, 60, worker.log_text)
        await asyncio.sleep(seconds)
        status, why = await endpoints.get("/readyz")
        assert status == 503
        assert "schema" in why
        assert await endpoints.alive()
        assert (await endpoints.metric("triage_in_flight_messages") or 0) <= 300
    finally:
        registry.signal(signal.SIGCONT)
    await eventually(endpoints.ready, 60, worker.log_text)
    await harness.wait_until_committed()
    assert await worker.terminate() == 0, worker.log_text()
    outcomes = await harness.outcomes()
    assert len(outcomes.answers) == 400
    assert outcomes.dead_letters == []
    assert outcomes.duplicated() == []
    assert outcomes.out_of_order() == []


async def test_a_worker_that_waits_for_a_schema_ends_promptly(harness: KafkaHarness) -> None:
    await harness.create_topics()
    await harness.send(harness.input, [(b"k", b"\0\0\0\0\1\2a", [])])
    worker, endpoints = start_worker(harness, "http://127.0.0.1:9")

    async def waits() -> bool:
        return "does not answer" in (await endpoints.get("/readyz"))[1]

    await eventually(waits, 60, worker.log_text)
    assert await worker.terminate() == 0, worker.log_text()
    assert "Not everything was finished in time" not in worker.log_text()
    assert (await harness.outcomes()).answers == {}
