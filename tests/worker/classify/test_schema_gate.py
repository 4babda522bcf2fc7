"""Records wait for their schemas: in order, as long as it takes, and each schema is asked for once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from prometheus_client import CollectorRegistry
from triage_schemas.input.registry.frames import SchemaId
from triage_schemas.input.registry.schema import SchemaText, UnusableSchema
from triage_worker.classify.processor import ClassificationProcessor
from triage_worker.inference.serving_bundles import ServingBundles
from triage_worker.kafka import schema_cache
from triage_worker.kafka.dead_letters import DeadLetterTopic
from triage_worker.kafka.registry_client import RegistryDownError
from triage_worker.kafka.schema_cache import SchemaCache
from triage_worker.observability.metrics import Metrics
from triage_worker.resilience.backoff import RetryPolicy
from triage_worker.resilience.tasks import wait_until
from triage_worker.streaming.tracking.dead_letters import DeadLetters
from triage_worker.streaming.tracking.in_flight import InFlightMessages

from tests.schemas.input.registry.avro_values import field, framed, record
from tests.worker.classify.harness import A, loaded_bundle, one_source
from tests.worker.fakes import FakeModel, ProcessorHarness, message
from tests.worker.fakes import record as record_of

SCHEMA = record(field("text", "string"))
TEXT = SchemaText("AVRO", '{"type": "record", "name": "Message", "fields": [{"name": "text", "type": "string"}]}')
JSON = SchemaText("JSON", "{}")
NOTHING = UnusableSchema("unknown_schema", "unknown")
AT_ONCE = RetryPolicy(first_s=0.0, longest_s=0.0)


class Registry:
    """A registry whose answers a test gives; no answer means that it is away."""

    def __init__(self) -> None:
        self.known: dict[str, SchemaText | UnusableSchema] = {}
        self.asked: list[str] = []
        self.away = False
        self.open = asyncio.Event()
        self.open.set()

    async def fetch(self, schema_id: SchemaId) -> SchemaText | UnusableSchema:
        self.asked.append(schema_id.value)
        await self.open.wait()
        if self.away:
            await asyncio.sleep(0)
            raise RegistryDownError("connection refused")
        return self.known.get(schema_id.value, NOTHING)


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    monkeypatch.setattr(schema_cache, "SECOND_LOOK_S", 0.0)
    return Registry()


@asynccontextmanager
async def processing(registry: Registry) -> AsyncIterator[ProcessorHarness[ClassificationProcessor]]:
    in_flight = InFlightMessages(Metrics())
    processor = ClassificationProcessor(
        ServingBundles(loaded_bundle(FakeModel())),
        DeadLetters(DeadLetterTopic("dlq")),
        one_source(),
        in_flight,
        metrics=Metrics(),
        schemas=SchemaCache(registry.fetch, CollectorRegistry(), AT_ONCE),
    )
    async with ProcessorHarness(processor, in_flight, A) as harness:
        yield harness


def avro(text: str, number: int = 1) -> bytes:
    return framed(SCHEMA, {"text": text}, number)


async def test_a_schema_is_asked_for_once_however_many_records_wait(registry: Registry) -> None:
    registry.known = {"1": TEXT, "2": TEXT}
    registry.open.clear()
    async with processing(registry) as harness:
        await harness.process({A: [record_of(A, offset, avro("aa", 1 + offset % 2)) for offset in range(100)]})
        await harness.process({A: [record_of(A, offset, avro("aa", 1 + offset % 2)) for offset in range(100, 200)]})
        registry.open.set()
        await harness.wait_for_outputs(200)
        await harness.process({A: [record_of(A, 200, avro("aa"))]})
        outputs = await harness.wait_for_outputs(201)
    assert sorted(registry.asked) == ["1", "2"]
    assert [output.offset for output in outputs] == list(range(201))
    assert {output.outcome for output in outputs} == {"accepted"}


async def test_records_wait_while_the_registry_is_away_and_none_is_a_dead_letter(registry: Registry) -> None:
    registry.known, registry.away = {"1": TEXT}, True
    async with processing(registry) as harness:
        await harness.process({A: [record_of(A, 0, message("aa")), record_of(A, 1, avro("aa"))]})
        await harness.process({A: [record_of(A, 2, message("aa"))]})
        await wait_until(lambda: len(registry.asked) > 3)
        assert harness.processor.down == "the schema registry does not answer (connection refused)"
        assert harness.outputs == []
        registry.away = False
        outputs = await harness.wait_for_outputs(3)
        assert [output.outcome for output in outputs] == ["accepted"] * 3
        await wait_until(lambda: harness.processor.down is None)


async def test_known_schemas_are_read_while_the_registry_is_away(registry: Registry) -> None:
    registry.known = {"1": TEXT}
    async with processing(registry) as harness:
        await harness.process({A: [record_of(A, 0, avro("aa"))]})
        await harness.wait_for_outputs(1)
        registry.away = True
        await harness.process({A: [record_of(A, 1, avro("aa"))]})
        await harness.wait_for_outputs(2)
        assert harness.processor.down is None


async def test_an_unknown_schema_is_a_dead_letter_only_after_a_second_question(registry: Registry) -> None:
    async with processing(registry) as harness:
        await harness.process({A: [record_of(A, 0, avro("aa", 9)), record_of(A, 1, message("aa"))]})
        outputs = await harness.wait_for_outputs(2)
    assert [output.label for output in outputs] == ["unknown_schema", "WISMO"]
    assert registry.asked == ["9", "9"]


async def test_an_unknown_schema_is_asked_for_again_after_a_while(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = SchemaCache(registry.fetch, CollectorRegistry(), AT_ONCE)
    nine = SchemaId("short", "9")
    await cache.load([nine])
    assert not cache.lacks(nine)
    monkeypatch.setattr(schema_cache, "UNKNOWN_FOR_S", -1.0)
    registry.known["9"] = JSON
    assert cache.lacks(nine)
    await cache.load([nine])
    assert not cache.lacks(nine)


async def test_the_oldest_schemas_are_forgotten(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema_cache, "MOST_SCHEMAS", 2)
    registry.known = {str(number): JSON for number in range(5)}
    cache = SchemaCache(registry.fetch, CollectorRegistry(), AT_ONCE)
    ids = [SchemaId("short", str(number)) for number in range(5)]
    for schema_id in ids:
        await cache.load([schema_id])
    assert [cache.lacks(schema_id) for schema_id in ids] == [True, True, True, False, False]


async def test_records_of_a_revoked_partition_are_forgotten(registry: Registry) -> None:
    registry.known = {"1": TEXT}
    registry.open.clear()
    async with processing(registry) as harness:
        await harness.process({A: [record_of(A, 0, avro("aa"))]})
        await wait_until(lambda: registry.asked == ["1"])
        harness.processor.pause()
        harness.in_flight.revoke([A])
        assert harness.processor.down is None
        harness.in_flight.offsets.assign(A)
        harness.processor.resume()
        await harness.process({A: [record_of(A, 7, avro("aa"))]})
        registry.open.set()
        outputs = await harness.wait_for_outputs(1)
    assert [output.offset for output in outputs] == [7]
