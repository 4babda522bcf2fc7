"""What Java clients write is read by the worker, and they read its events, in each output format."""

import asyncio
import os
from collections import Counter
from collections.abc import Iterator

import pytest
from triage_schemas.input.registry.frames import GLOBAL_HEADER

from tests.kafka import java_serializers, schema_registry
from tests.kafka.broker import UnavailableError
from tests.kafka.harness import KafkaHarness
from tests.kafka.schema_registry import SchemaRegistry

pytestmark = [pytest.mark.kafka, pytest.mark.torture, pytest.mark.timeout(600)]

COUNT = 180


@pytest.fixture(scope="module")
def registry(registry_installed: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SchemaRegistry]:
    """A running registry, for Java clients."""
    try:
        java_serializers.install()
    except UnavailableError as error:
        if os.environ.get("TRIAGE_REQUIRE_KAFKA"):
            pytest.fail(f"NO JAVA SERIALIZERS: {error}")
        pytest.skip(f"NO JAVA SERIALIZERS, SO NOTHING IS PROVEN ABOUT THEM: {error}")
    with schema_registry.running(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.mark.parametrize("output_format", ["avro", "json_schema"])
async def test_java_clients_and_the_worker_read_each_other(
    harness: KafkaHarness, registry: SchemaRegistry, output_format: str
) -> None:
    await harness.create_topics(partitions=2)
    records = await asyncio.to_thread(java_serializers.serialized, registry, COUNT)
    named = Counter(
        "header"
        if GLOBAL_HEADER in dict(headers)
        else "eight bytes"
        if (value or b"")[1:5] == bytes(4)
        else "four bytes"
        for _, value, headers in records
    )
    assert named == dict.fromkeys(named, COUNT // 3)
    assert len(named) == 3
    await harness.send(harness.input, records)
    given = {"schema_registry_url": registry.apicurio, "text_field": "body.text", "include_text": "true"}
    worker = harness.start(output_format=output_format, **given)
    await harness.wait_until_committed()
    assert await worker.terminate() == 0, worker.log_text()
    assert await harness.read(harness.dead_letters) == []
    written = [record for topic in harness.topics[1:3] for record in await harness.read(topic)]
    events = await asyncio.to_thread(java_serializers.events, registry, output_format, written)
    assert {event["text"] for event in events} == {f"où est mon colis {number}" for number in range(COUNT)}
    assert len(events) == COUNT
    assert Counter(event["channel"] for event in events) == {None: 2 * COUNT // 3, "CHAT": COUNT // 3}
    assert all(event["model"]["name"] == "fake" and 0 <= event["confidence"] <= 1 for event in events)
