"""Schemas of events: registered or looked up once before anything is written, and what is said where that fails."""

import asyncio
from typing import Any

import pytest
from triage_schemas.encoding import JSON, AvroEncoding, EventEncoding, FramedJsonEncoding
from triage_schemas.events import AlertEvent, IntentEvent, TicketEvent
from triage_schemas.output_formats import OutputFormat, schema_of
from triage_worker.config.errors import ConfigError
from triage_worker.config.settings import Settings
from triage_worker.kafka.event_schemas import EVENT_CHANNELS, EventSchemas, written_channels
from triage_worker.kafka.topic_plan import required_operations
from triage_worker.resilience.backoff import RetryPolicy
from triage_worker.resilience.tasks import wait_until

from tests.worker.kafka.fake_subjects import FakeSubjects
from tests.worker.router.intents import intent_event

pytest.importorskip("fastavro")

AT_ONCE = RetryPolicy(first_s=0.0, longest_s=0.0)
TICKETS, ALERTS = "support.tickets-value", "support.alerts-value"
OPENED = {"tickets_topic": "Write", "alerts_topic": "Write", "output_topic": "Read"}


async def encoding(subjects: FakeSubjects, path: str = "", **settings: Any) -> EventEncoding:
    """Get what the router writes with."""
    async with subjects.running() as url:
        given = {"output_format": "avro", "schema_registry_url": url + path} | settings
        return await EventSchemas(Settings(**given), AT_ONCE).encoding(written_channels(OPENED))


def text(kind: Any, output_format: OutputFormat = "avro") -> str:
    return schema_of(kind, output_format).text


async def test_json_asks_no_registry() -> None:
    assert await EventSchemas(Settings()).encoding(EVENT_CHANNELS) is JSON


def test_every_service_registers_what_it_writes_and_the_control_topic_stays_json() -> None:
    names = {
        service: {channel.name for channel in written_channels(required_operations(service))}
        for service in ("worker", "router", "fallback", "review", "audit", "helpdesk")
    }
    assert names == {
        "worker": {"output", "fallback"},
        "router": {"tickets", "alerts"},
        "fallback": {"output", "review", "labels"},
        "review": {"output", "review", "labels"},
        "audit": set(),
        "helpdesk": set(),
    }


@pytest.mark.parametrize(("output_format", "kind"), [("avro", AvroEncoding), ("json_schema", FramedJsonEncoding)])
async def test_schemas_are_registered_by_the_name_of_the_topic_and_ids_are_kept(
    output_format: OutputFormat, kind: type
) -> None:
    subjects = FakeSubjects()
    writes = await encoding(subjects, output_format=output_format, alerts_topic="my.alerts")
    assert isinstance(writes, kind)
    assert subjects.versions == {
        TICKETS: [text(TicketEvent, output_format)],
        "my.alerts-value": [text(AlertEvent, output_format)],
    }
    assert subjects.modes == {}, "the registry's default holds"
    asked = len(subjects.requests)
    with pytest.raises(KeyError):
        writes.write(intent_event(1))  # another service's
    assert len(subjects.requests) == asked


async def test_a_schema_that_is_there_needs_no_right_to_write() -> None:
    subjects = FakeSubjects()
    for subject, kind in ((TICKETS, TicketEvent), (ALERTS, AlertEvent)):
        subjects.add(subject, text(kind))
    subjects.refusals = {("POST", "versions"): (403, "read only"), ("PUT", TICKETS): (403, "read only")}
    await encoding(subjects, schema_compatibility="full")
    assert {method for method, _ in subjects.requests} == {"POST"}
    assert subjects.modes == {}


@pytest.mark.parametrize("needs_a_version", [False, True])
async def test_only_a_new_subject_gets_the_compatibility(needs_a_version: bool) -> None:
    subjects = FakeSubjects()
    subjects.needs_a_version = needs_a_version
    subjects.add(ALERTS, "an older version")
    await encoding(subjects, schema_compatibility="full_transitive")
    assert subjects.modes == {TICKETS: "FULL_TRANSITIVE"}
    assert len(subjects.versions[ALERTS]) == 2


async def test_another_service_may_set_the_compatibility_at_the_same_moment() -> None:
    subjects = FakeSubjects()
    subjects.refusals = {("PUT", TICKETS): (409, "A rule named 'COMPATIBILITY' already exists.")}
    assert isinstance(await encoding(subjects, schema_compatibility="full"), AvroEncoding)


async def test_checking_registers_nothing_and_says_who_can() -> None:
    subjects = FakeSubjects()
    with pytest.raises(
        ConfigError, match=r"no schema of this version for the subject support\.tickets-value"
    ) as raised:
        await encoding(subjects, schema_registration="check")
    assert "triage schemas register" in str(raised.value)
    assert "READER_FIELD_MISSING_DEFAULT_VALUE" in str(raised.value), "why it would be refused"
    assert subjects.versions == {}


@pytest.mark.parametrize(
    ("refused", "status", "settings", "words"),
    [
        (("POST", TICKETS), 401, {}, ["refuses the login", "TRIAGE_SCHEMA_REGISTRY_USERNAME"]),
        (("POST", TICKETS), 403, {}, ["read the subject", TICKETS]),
        (("POST", "versions"), 401, {}, ["refuses the login"]),
        (("POST", "versions"), 403, {}, ["register a schema", TICKETS, "TRIAGE_SCHEMA_REGISTRATION=check"]),
        (("POST", "versions"), 409, {}, ["not compatible", TICKETS, "because", "NONE"]),
        (("POST", "versions"), 422, {}, ["refuses the schema", "because"]),
        (("PUT", TICKETS), 403, {"schema_compatibility": "FULL"}, ["TRIAGE_SCHEMA_COMPATIBILITY", TICKETS]),
        (("PUT", TICKETS), 422, {"schema_compatibility": "FULL"}, ["compatibility FULL", "because"]),
    ],
)
async def test_a_refusal_is_one_sentence_that_says_what_to_do(
    refused: tuple[str, str], status: int, settings: dict[str, Any], words: list[str]
) -> None:
    subjects = FakeSubjects()
    subjects.refusals = {refused: (status, "because\n of the\trules")}
    with pytest.raises(ConfigError) as raised:
        await encoding(subjects, **settings)
    said = str(raised.value)
    assert all(word in said for word in words), said
    assert said.endswith(".")
    assert "\n" not in said


async def test_it_waits_while_the_registry_is_away_and_says_so() -> None:
    subjects = FakeSubjects()
    subjects.away = True
    async with subjects.running() as url:
        schemas = EventSchemas(Settings(output_format="avro", schema_registry_url=url), RetryPolicy(0.01, 0.01))
        waiting = asyncio.create_task(schemas.encoding(written_channels(OPENED)))
        await wait_until(lambda: schemas.problem is not None)
        assert "503" in (schemas.problem or "")
        assert not waiting.done()
        subjects.away = False
        assert isinstance(await asyncio.wait_for(waiting, 10), AvroEncoding)
        assert schemas.problem is None


async def test_a_proxy_that_answers_404_is_no_missing_subject() -> None:
    subjects = FakeSubjects()
    subjects.refusals = {("POST", TICKETS): (404, "no route")}
    async with subjects.running() as url:
        schemas = EventSchemas(Settings(output_format="avro", schema_registry_url=url), RetryPolicy(0.01, 0.01))
        waiting = asyncio.create_task(schemas.encoding(written_channels(OPENED)))
        await wait_until(lambda: schemas.problem is not None)
        assert "TRIAGE_SCHEMA_REGISTRY_URL" in (schemas.problem or "")
        waiting.cancel()
    assert subjects.versions == {}


def test_an_output_format_needs_a_registry() -> None:
    for name in ("avro", "json_schema"):
        with pytest.raises(ValueError, match=f"TRIAGE_OUTPUT_FORMAT={name} needs TRIAGE_SCHEMA_REGISTRY_URL"):
            Settings(output_format=name)


async def test_the_same_schema_may_be_registered_by_two_services_at_once() -> None:
    subjects = FakeSubjects()
    async with subjects.running() as url:
        settings = Settings(output_format="avro", schema_registry_url=url, schema_compatibility="FULL")
        both = [EventSchemas(settings, AT_ONCE).encoding(EVENT_CHANNELS) for _ in range(2)]
        first, second = await asyncio.gather(*both)
    event = intent_event(1)
    assert first.write(event) == second.write(event)
    assert len(subjects.versions) == len(EVENT_CHANNELS)
    assert first.write(event)[1:5] == subjects.texts.index(text(IntentEvent)).to_bytes(4)
