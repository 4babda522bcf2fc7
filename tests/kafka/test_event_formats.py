"""All services write and read events in Avro and JSON Schema, by a real registry, and Confluent's clients read them."""

import asyncio
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import orjson
import pytest
from aiokafka.structs import ConsumerRecord
from triage_schemas.avro_schema import avro_schema
from triage_schemas.events import FallbackEvent, IntentEvent
from triage_schemas.json_schema import json_schema
from triage_worker.config.settings import Settings
from triage_worker.kafka.labels_topic import read_labels_topic

from tests.kafka.all_services import all_services
from tests.kafka.endpoints import Endpoints
from tests.kafka.harness import KafkaHarness, conversations
from tests.kafka.processes import ServiceProcess, eventually
from tests.kafka.schema_registry import SchemaRegistry
from tests.kafka.test_schema_registry import registry  # noqa: F401 (a fixture)
from tests.records import headers_of

pytestmark = pytest.mark.kafka

MESSAGES = 40


def ask(url: str, method: str, body: Any = None) -> tuple[int, Any]:
    """Send a request to the registry as an operator would; returns the status and the answer."""
    data = None if body is None else orjson.dumps(body)
    request = Request(url, data, {"Content-Type": "application/json"}, method=method)
    try:
        with urlopen(request, timeout=30) as response:
            return response.status, orjson.loads(response.read())
    except HTTPError as error:
        return error.code, error.read().decode(errors="replace")


def positions(events: Sequence[dict[str, Any]]) -> set[tuple[int, int]]:
    """Where the messages of events were read."""
    return {(event["source"]["partition"], event["source"]["offset"]) for event in events}


def content_types(records: Sequence[ConsumerRecord]) -> set[bytes]:
    return {headers_of(record)["content-type"] for record in records}


@pytest.mark.parametrize(
    ("output_format", "api"), [("avro", "confluent"), ("avro", "apicurio"), ("json_schema", "confluent")]
)
async def test_a_message_passes_all_services_and_confluents_clients_read_every_event(
    harness: KafkaHarness,
    registry: SchemaRegistry,  # noqa: F811
    output_format: str,
    api: str,
) -> None:
    url = getattr(registry, api)
    settings = {"schema_registry_url": url, "output_format": output_format, "schema_compatibility": "BACKWARD"}
    async with all_services(harness) as services:
        await services.create_topics()
        topics = {name: f"{name}-{harness.group}" for name in ("tickets", "review", "labels")}
        started = [services.start("worker", module="tests.kafka.fake_worker", **settings)]
        started += [services.start(service, **settings) for service in ("fallback", "router", "helpdesk")]
        await harness.produce(conversations(MESSAGES))

        def logs() -> str:
            return "\n".join(service.log_text()[-2000:] for service in started)

        async def written(topic: str, count: int) -> bool:
            return len(await harness.read(topic)) >= count

        async def filed() -> bool:
            return len(await harness.read(topics["tickets"])) >= MESSAGES

        await eventually(lambda: written(harness.output, MESSAGES), 120, logs)
        await eventually(filed, 120, logs)
        for service in started:
            assert await service.terminate() == 0, service.log_text()
        assert await harness.read(harness.dead_letters) == [], logs()
        records = {
            topic: await harness.read(topic)
            for topic in (harness.output, harness.fallback, topics["tickets"], topics["labels"])
        }
        labels = await read_labels_topic(
            Settings(bootstrap_servers=harness.bootstrap, labels_topic=topics["labels"], schema_registry_url=url),
            lambda count: None,
        )
    read = await asyncio.to_thread(registry.events, output_format, [one for found in records.values() for one in found])
    content_type = b"application/avro" if output_format == "avro" else b"application/json"
    assert {kind for found in records.values() for kind in content_types(found)} == {content_type}
    assert all(one.same for one in read), "Confluent's serializer writes the same bytes"
    events = {topic: [one.event for one in read if one.topic == topic] for topic in records}
    intents, refused = events[harness.output], events[harness.fallback]
    assert len(positions(intents)) == MESSAGES
    by_llm = [event for event in intents if event["decided_by"] == "llm"]
    assert 0 < len(by_llm) < MESSAGES
    assert positions(by_llm) == positions(refused) == positions(events[topics["labels"]])
    assert {event["labels"]["WISMO"] for event in refused} == {"where is my order"}
    assert {event["model"]["name"] for event in refused} == {"fake"}
    assert {event["queue"] for event in events[topics["tickets"]]}
    assert len(labels.labels) == len(by_llm)
    assert labels.unreadable == 0


def start_worker(harness: KafkaHarness, url: str, **settings: str) -> tuple[ServiceProcess, Endpoints]:
    """Start a worker that writes Avro."""
    endpoints = Endpoints()
    given = {"schema_registry_url": url, "output_format": "avro", **endpoints.settings, **settings}
    return harness.start(**given), endpoints


async def test_messages_by_confluents_serializers_become_events_for_its_deserializers(
    harness: KafkaHarness,
    registry: SchemaRegistry,  # noqa: F811
) -> None:
    """Both ways in one worker, in transactions; the schemas of messages and of events are in one registry."""
    await harness.create_topics(partitions=2)
    records = await asyncio.to_thread(registry.serialized, "confluent_avro.py", "60")
    await harness.send(harness.input, records)
    worker, endpoints = start_worker(harness, registry.confluent, text_field="body.text", delivery="exactly_once")
    await harness.wait_until_committed()
    asked = await endpoints.metric('triage_schema_registry_requests_total{result="found"}')
    assert await worker.terminate() == 0, worker.log_text()
    assert asked == 4, "the schemas of the messages; those of the events are not counted there"
    written = [*await harness.read(harness.output), *await harness.read(harness.fallback)]
    assert await harness.read(harness.dead_letters) == []
    read = await asyncio.to_thread(registry.events, "avro", written)
    assert len(positions([one.event for one in read])) == len(read) == 60
    assert all(one.same for one in read)
    assert {one.event["channel"] for one in read} == {None, "CHAT"}


async def test_a_worker_that_only_checks_starts_after_somebody_has_registered(
    harness: KafkaHarness,
    registry: SchemaRegistry,  # noqa: F811
) -> None:
    await harness.create_topics()
    worker, _ = start_worker(harness, registry.confluent, schema_registration="check")
    assert await worker.exit_code() == 2
    assert f"has no schema of this version for the subject {harness.output}-value" in worker.log_text()
    assert "triage schemas register" in worker.log_text()
    assert "Traceback" not in worker.log_text()
    given = {"schema_registry_url": registry.confluent, "output_format": "avro", "schema_compatibility": "FULL"}
    registering = harness.start(module="triage_worker schemas register", **given)
    assert await registering.exit_code() == 0, registering.log_text()
    assert f"{harness.output}-value: " in registering.log_text()
    checking = harness.start(module="triage_worker schemas check", **given)
    assert await checking.exit_code() == 0, checking.log_text()
    assert checking.log_text() == registering.log_text()
    await harness.produce(conversations(5))
    worker, _ = start_worker(harness, registry.confluent, schema_registration="check")
    await harness.wait_until_committed()
    assert await worker.terminate() == 0, worker.log_text()
    assert len(await harness.read(harness.output)) + len(await harness.read(harness.fallback)) == 5
    mode = await asyncio.to_thread(ask, f"{registry.confluent}/config/{harness.output}-value", "GET")
    assert mode[1]["compatibilityLevel"] == "FULL"


async def test_an_incompatible_schema_ends_the_worker_with_one_sentence_before_a_message_is_read(
    harness: KafkaHarness,
    registry: SchemaRegistry,  # noqa: F811
) -> None:
    await harness.create_topics()
    await harness.produce(conversations(5))
    subject = f"{harness.output}-value"
    other = {"type": "record", "name": "IntentEvent", "namespace": "triage.events", "fields": []}
    body = {"schema": orjson.dumps(other).decode()}
    url = registry.confluent
    assert (await asyncio.to_thread(ask, f"{url}/subjects/{subject}/versions", "POST", body))[0] == 200
    assert (await asyncio.to_thread(ask, f"{url}/config/{subject}", "PUT", {"compatibility": "BACKWARD"}))[0] == 200
    worker, _ = start_worker(harness, url)
    assert await worker.exit_code() == 2
    assert f"is not compatible with those of the subject {subject}" in worker.log_text()
    assert "Traceback" not in worker.log_text()
    assert await harness.read(harness.output) == []


async def test_the_registry_may_be_away_at_the_start_and_costs_nothing_later(
    harness: KafkaHarness,
    registry: SchemaRegistry,  # noqa: F811
    tmp_path: Path,
) -> None:
    await harness.create_topics()
    await harness.produce(conversations(20))
    registry.signal(signal.SIGSTOP)
    try:
        worker, endpoints = start_worker(harness, registry.confluent)

        async def waits() -> bool:
            status, why = await endpoints.get("/readyz")
            return status == 503 and "the schema registry does not answer" in why

        await eventually(waits, 60, worker.log_text)
        assert await endpoints.alive()
        assert await harness.read(harness.output) == []
        registry.signal(signal.SIGCONT)
        await harness.wait_until_committed()
        registry.signal(signal.SIGSTOP)
        await harness.produce(conversations(50))
        await harness.wait_until_committed()
        assert await endpoints.ready()
    finally:
        registry.signal(signal.SIGCONT)
    assert await worker.terminate() == 0, worker.log_text()
    assert len(await harness.read(harness.output)) + len(await harness.read(harness.fallback)) == 70


async def test_a_worker_that_waits_for_the_registry_ends_promptly(harness: KafkaHarness) -> None:
    await harness.create_topics()
    worker, endpoints = start_worker(harness, "http://127.0.0.1:9")
    await eventually(endpoints.not_ready, 60, worker.log_text)
    assert await worker.terminate() == 0, worker.log_text()


@pytest.mark.parametrize("kind", [IntentEvent, FallbackEvent])
async def test_the_registry_takes_a_version_with_another_optional_field(
    registry: SchemaRegistry,  # noqa: F811
    kind: type[Any],
) -> None:
    """Avro in both directions; JSON Schema for readers of what is written now."""
    avro, json = avro_schema(kind), json_schema(kind)
    newer_avro = avro | {"fields": [*avro["fields"], {"name": "mood", "type": ["null", "string"], "default": None}]}
    broken_avro = avro | {"fields": [*avro["fields"], {"name": "mood", "type": "string"}]}
    newer_json = json | {"properties": json["properties"] | {"mood": {"type": "string"}}}
    broken_json = newer_json | {"required": [*json["required"], "mood"]}
    cases = (
        ("AVRO", "FULL_TRANSITIVE", avro, newer_avro, broken_avro),
        ("JSON", "BACKWARD_TRANSITIVE", json, newer_json, broken_json),
    )
    for schema_type, mode, *versions in cases:
        subject = f"evolution-{kind.__name__}-{schema_type}"
        answers = []
        for version in versions:
            body = {"schema": orjson.dumps(version).decode(), "schemaType": schema_type}
            url = f"{registry.confluent}/subjects/{subject}/versions"
            answers.append((await asyncio.to_thread(ask, url, "POST", body))[0])
            await asyncio.to_thread(ask, f"{registry.confluent}/config/{subject}", "PUT", {"compatibility": mode})
        assert answers == [200, 200, 409], (schema_type, answers)
