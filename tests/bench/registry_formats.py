"""Measures Avro and Protobuf next to JSON: ``python -m tests.bench.registry_formats [--messages N] [--rounds N]``.

The same messages are written in all three formats, with the same fields, and read in turns: first by the decoder alone,
then by `triage worker` with the shipped bundle, from an embedded broker, by the schemas of a registry on this machine.
All three are on one topic of one worker, which is stopped while a backlog of one format is produced.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from io import BytesIO
from typing import Any, NamedTuple

import fastavro
import orjson
from google.protobuf import json_format, message_factory
from triage_schemas.input.decoder import decode
from triage_schemas.input.registry.compiling import compile_schema
from triage_schemas.input.registry.frames import SchemaId
from triage_schemas.input.registry.proto_compiler import compile_file
from triage_schemas.input.registry.schema import KnownSchema, SchemaText
from triage_schemas.messages.message import CustomerMessage, InputShape, Source
from triage_worker.bench.process_usage import cpu_seconds, stopped
from triage_worker.bench.traffic import SHAPE, Traffic
from triage_worker.config.settings import Settings
from triage_worker.demo.embedded_broker import embedded_broker
from triage_worker.demo.sample_records import SampleRecord, sample_records
from triage_worker.demo.service_process import Service, running
from triage_worker.demo.settings import demo_settings
from triage_worker.kafka import topics

from tests.worker.kafka.fake_registry import FakeRegistry

BAR = 0.9
PARTITIONS = 4
SOURCE = Source("customer.messages", 3, 1042)
OPTIONAL = ("message_id", "conversation_id", "customer_id", "channel", "language", "created_at")
AVRO = {
    "type": "record",
    "name": "Message",
    "fields": [
        *({"name": name, "type": ["null", "string"], "default": None} for name in OPTIONAL),
        {"name": "text", "type": "string"},
        {"name": "metadata", "type": {"type": "map", "values": "string"}, "default": {}},
    ],
}
PROTOBUF = "\n".join(
    [
        'syntax = "proto3";',
        "message Message {",
        *(f"  optional string {name} = {number};" for number, name in enumerate(OPTIONAL, 1)),
        "  string text = 7;",
        "  map<string, string> metadata = 8;",
        "}",
    ]
)
SCHEMAS = {1: SchemaText("AVRO", orjson.dumps(AVRO).decode()), 2: SchemaText("PROTOBUF", PROTOBUF)}

Formats = Mapping[str, Sequence[SampleRecord]]
"""The same messages in each format."""


class Spent(NamedTuple):
    """What reading a backlog took, in seconds."""

    elapsed: float
    cpu: float


def in_all_formats(count: int) -> Formats:
    """Write the demo's messages in each format."""
    avro = fastavro.parse_schema(AVRO)
    kind = message_factory.GetMessageClass(compile_file(SCHEMAS[2]).message_types_by_name["Message"])
    formats: dict[str, list[SampleRecord]] = {"json": [], "avro": [], "protobuf": []}
    for record in sample_records():
        message = decode(record.value, SOURCE, SHAPE)
        if not isinstance(message, CustomerMessage):
            continue
        fields = {name: value for name, value in asdict(message).items() if name in {*OPTIONAL, "text"} and value}
        fields["metadata"] = {name: str(value) for name, value in message.metadata.items()}
        stream = BytesIO()
        fastavro.schemaless_writer(stream, avro, fields)
        protobuf = json_format.ParseDict(fields, kind()).SerializeToString()
        formats["json"].append(SampleRecord(record.key, orjson.dumps(fields)))
        formats["avro"].append(SampleRecord(record.key, b"\0" + (1).to_bytes(4) + stream.getvalue()))
        formats["protobuf"].append(SampleRecord(record.key, b"\0" + (2).to_bytes(4) + b"\0" + protobuf))
        if len(formats["json"]) == count:
            break
    return formats


def measure_decoder(formats: Formats, rounds: int) -> dict[str, list[float]]:
    """Decode all messages in turns; returns µs of CPU time a message, by format."""
    known: dict[SchemaId, KnownSchema] = {
        SchemaId("short", str(number)): compile_schema(schema) for number, schema in SCHEMAS.items()
    }
    shape, find = InputShape(), known.__getitem__
    expected = [decode(record.value, SOURCE, shape, (), find) for record in formats["json"]]
    for name, records in formats.items():
        assert [decode(record.value, SOURCE, shape, (), find) for record in records] == expected, name
    spent: dict[str, list[float]] = {name: [] for name in formats}
    for _ in range(rounds):
        for name, records in formats.items():
            started = time.process_time()
            for record in records:
                decode(record.value, SOURCE, shape, (), find)
            spent[name].append((time.process_time() - started) / len(records) * 1e6)
    return spent


async def measure_worker(formats: Formats, rounds: int) -> dict[str, list[Spent]]:
    """Let one worker read a backlog of each format in turns; returns what each took."""
    spent: dict[str, list[Spent]] = {name: [] for name in formats}
    async with (
        worker_settings() as settings,
        running(Service("worker", settings)) as [worker],
        Traffic.opened(settings, PARTITIONS) as traffic,
    ):
        for number in range(rounds + 1):
            for name, records in formats.items():
                took = await read_backlog(traffic, records, worker.pid)
                if number:  # the first round warms up
                    spent[name].append(took)
    return spent


@asynccontextmanager
async def worker_settings() -> AsyncIterator[Settings]:
    """Run a broker with topics, and a registry; yields the settings of a worker there."""
    registry = FakeRegistry()
    for number, schema in SCHEMAS.items():
        registry.answers[f"/schemas/ids/{number}"] = {"schema": schema.text, "schemaType": schema.type}
    async with embedded_broker() as servers, registry.running() as url:
        settings = demo_settings(Settings.load(), servers).model_copy(update={"schema_registry_url": url})
        await topics.create(settings, partitions=PARTITIONS, replicas=1)
        yield settings


async def read_backlog(traffic: Traffic, records: Sequence[SampleRecord], worker: int) -> Spent:
    """Produce a backlog while the worker is stopped, and let it read that."""
    with stopped(worker):
        await traffic.send(records)
        started, cpu = time.time(), cpu_seconds(worker) or 0.0
    finished = await traffic.all_answered(len(records))
    return Spent(finished - started, (cpu_seconds(worker) or 0.0) - cpu)


def print_decoder(formats: Formats, spent: Mapping[str, Sequence[float]]) -> None:
    """Print a line for each format."""
    print(f"The decoder alone, {len(formats['json'])} messages, {len(spent['json'])} rounds in turns:")
    for name, each in spent.items():
        size = statistics.mean(len(record.value or b"") for record in formats[name])
        times = statistics.median(other / json for other, json in zip(each, spent["json"], strict=True))
        median = statistics.median(each)
        print(f"  {name:9} {median:6.1f} µs of CPU time a message, {times:4.2f} × json; {size:4.0f} bytes")


def print_worker(formats: Formats, spent: Mapping[str, Sequence[Spent]]) -> float:
    """Print a line for each format; returns the ratio of Avro's messages a second to those of JSON."""
    count = len(formats["json"])
    print(f"The worker with the shipped bundle, {count} messages, {len(spent['json'])} rounds in turns:")
    ratios: dict[str, float] = {}
    for name, each in spent.items():
        pairs: list[Any] = list(zip(each, spent["json"], strict=True))
        ratios[name] = statistics.median(json.elapsed / one.elapsed for one, json in pairs)
        by_cpu = statistics.median(json.cpu / one.cpu for one, json in pairs)
        rate = count / statistics.median(one.elapsed for one in each)
        print(f"  {name:9} {rate:6,.0f} messages/s, {ratios[name]:.3f} × json; by the worker's CPU time {by_cpu:.3f}")
    return ratios["avro"]


def main() -> int:
    """Print the price of each format; 1 if Avro misses the bar."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--messages", type=int, default=3_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--decoder-only", action="store_true")
    options = parser.parse_args()
    formats = in_all_formats(options.messages)
    print_decoder(formats, measure_decoder(formats, options.rounds))
    if options.decoder_only:
        return 0
    ratio = print_worker(formats, asyncio.run(measure_worker(formats, options.rounds)))
    return 0 if ratio >= BAR else 1


if __name__ == "__main__":
    raise SystemExit(main())
