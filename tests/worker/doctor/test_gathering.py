"""Schemas of a registry, as far as it answers, and what is concluded from Avro and Protobuf."""

import json
from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from aiokafka.structs import ConsumerRecord, TopicPartition
from triage_worker.config.settings import Settings
from triage_worker.doctor import gathering
from triage_worker.doctor.examination import conclude
from triage_worker.doctor.gathering import Gathered, RegistryAnswers, fetch_schemas
from triage_worker.doctor.sampling import Sample

from tests.models.serving.shipped import texts
from tests.worker.doctor import payloads
from tests.worker.doctor.payloads import records
from tests.worker.kafka.fake_registry import FakeRegistry

fastavro = pytest.importorskip("fastavro", reason="needs the [registry] extra")

BODY = {"type": "record", "name": "Body", "fields": [{"name": "text", "type": "string"}]}
FIELDS = [
    {"name": "ticket_id", "type": "long"},
    {"name": "body", "type": BODY},
    {"name": "channel", "type": {"type": "enum", "name": "C", "symbols": ["CHAT", "EMAIL"]}},
]
AVRO = {"type": "record", "name": "Message", "fields": FIELDS}
PROTOBUF = 'syntax = "proto3"; message Chat { string id = 1; string message = 2; }'


def avro_values() -> Iterator[bytes]:
    for number, text in enumerate(texts(20)):
        stream = BytesIO()
        message = {"ticket_id": number // 2, "body": {"text": text}, "channel": "CHAT"}
        fastavro.schemaless_writer(stream, fastavro.parse_schema(AVRO), message)
        yield b"\x00\x00\x00\x00\x07" + stream.getvalue()


def protobuf_values() -> Iterator[bytes]:
    for number, text in enumerate(texts(20)):
        identity, message = f"m{number}".encode(), text.encode()[:100]
        fields = b"\x0a" + bytes([len(identity)]) + identity + b"\x12" + bytes([len(message)]) + message
        yield b"\x00\x00\x00\x00\x08\x00" + fields


def gathered(given: list[ConsumerRecord], registry: RegistryAnswers) -> Gathered:
    places = {TopicPartition(payloads.TOPIC, number): 0 for number in range(3)}
    return Gathered(Sample(payloads.TOPIC, places, dict.fromkeys(places, 100), given), Counter(), registry, [])


async def test_avro_and_protobuf_are_read_by_their_schemas() -> None:
    registry = FakeRegistry()
    registry.answers["/schemas/ids/7"] = {"schema": json.dumps(AVRO)}
    registry.answers["/schemas/ids/8"] = {"schema": PROTOBUF, "schemaType": "PROTOBUF"}
    async with registry.running() as url:
        settings = Settings(schema_registry_url=url, threads=1)
        avro, protobuf = records(avro_values()), records(protobuf_values())
        answers = [await fetch_schemas(settings, given) for given in (avro, protobuf)]
    assert [answer.problem for answer in answers] == [None, None]
    found = conclude(settings, gathered(avro, answers[0]))
    assert found.survey.kinds == {"avro": 20}
    assert found.proposal.values == {"text_field": "body.text", "conversation_field": "ticket_id"}
    assert [read.message.text for read in found.read] == texts(20)
    found = conclude(settings, gathered(protobuf, answers[1]))
    assert found.survey.kinds == {"protobuf": 20}
    assert found.proposal.values == {"text_field": "message"}
    assert len(found.answers) == 20


@pytest.mark.parametrize("fault", ["hangs", "refuses", "does not know it"])
async def test_a_registry_without_an_answer_ends_nothing(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "REGISTRY_S", 3.0 if fault == "does not know it" else 0.3)
    registry = FakeRegistry()
    registry.hang = fault == "hangs"
    registry.status = 401 if fault == "refuses" else None
    given = records(avro_values())
    async with registry.running() as url:
        settings = Settings(schema_registry_url=url)
        answers = await fetch_schemas(settings, given)
    found = conclude(settings, gathered(given, answers))
    assert found.read == []
    if fault == "does not know it":
        assert answers.problem is None
        assert found.proposal.trial.rejected == {"unknown_schema": 20}
    else:
        assert found.checks[0].kind == "error"
        assert found.checks[0].message.startswith("the schema registry does not answer (")
        assert ("it refuses the login (401)" in found.checks[0].message) == (fault == "refuses")
        assert found.proposal.trial.rejected == {"waits_for_schema": 20}


async def test_without_a_registry_none_is_asked() -> None:
    answers = await fetch_schemas(Settings(), records(avro_values()))
    assert (len(answers.asked), answers.is_set, answers.problem) == (1, False, None)
    plain: Any = await fetch_schemas(Settings(), records(payloads.as_json(payloads.plain)))
    assert not plain.asked
