"""The demo's input records: messages of made-up shops' customers, and a few that cannot be decoded."""

import base64
import json
from collections.abc import Iterator
from importlib.resources import files
from itertools import count
from typing import Any, NamedTuple

import orjson


class SampleRecord(NamedTuple):
    """The key and the value of a record to produce."""

    key: bytes | None
    value: bytes | None


def sample_records() -> Iterator[SampleRecord]:
    """The shipped sample, repeated without end; each repetition has new message and conversation ids."""
    lines = files("triage_worker.demo").joinpath("data/demo_messages.jsonl").read_text(encoding="utf-8").splitlines()
    sample: list[dict[str, Any]] = [json.loads(line) for line in lines]
    for repetition in count(1):
        for record in sample:
            yield _record(record, repetition)


def _record(record: dict[str, Any], repetition: int) -> SampleRecord:
    suffix = f"-{repetition}" if repetition > 1 else ""
    key = None if record["key"] is None else f"{record['key']}{suffix}".encode()
    if "base64" in record:
        return SampleRecord(key, base64.b64decode(record["base64"]))
    value = record["value"]
    if value is None:
        return SampleRecord(key, None)
    ids = {name: f"{value[name]}{suffix}" for name in ("message_id", "conversation_id") if value.get(name)}
    return SampleRecord(key, orjson.dumps({**value, **ids}))
